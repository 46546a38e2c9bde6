import { DerError } from "./error.ts";
import { CONSTRUCTED, tagText } from "./tag.ts";

/** One element of a DER encoding. All byte arrays are views of the input. */
export interface DerElement {
  /** The identifier octet: class, constructed bit and tag number. */
  readonly tag: number;
  /** The whole encoding: identifier, length and contents. */
  readonly encoding: Uint8Array;
  /** The contents octets. */
  readonly contents: Uint8Array;
  /**
   * The elements inside a constructed element; empty for a primitive one. Throws `DerError` "too_large" where there are
   * more than `MAX_CHILDREN`, so that a few bytes of input for each can't fill the memory.
   */
  readonly children: readonly DerElement[];
  /** How many octets the whole encoding has. */
  readonly size: number;
  /** How many octets the contents have. */
  readonly length: number;
  /** One octet of the contents, for readers that need no view of them; undefined past the end. */
  octet(index: number): number | undefined;
  /**
   * The element inside that comes after this one, or the first; undefined after the last, and in a primitive one. Made
   * anew at each call and not kept, so that a walk over very many, or over few of which most are small, costs little.
   * `previous` must be one that this element gave.
   */
  childAfter(previous?: DerElement): DerElement | undefined;
}

/** Bounds on what `parseDer` looks at. */
export interface DerLimits {
  readonly maxSizeBytes: number;
  readonly maxDepth: number;
}

/** Enough for every certificate seen in the field, with room to spare. */
export const DEFAULT_LIMITS: DerLimits = { maxSizeBytes: 64 * 1024, maxDepth: 16 };

/** More than any structure has that is not a list to be walked with `childAfter`; `Members` keeps to it, too. */
export const MAX_CHILDREN = 4096;

/**
 * Parses bytes that hold exactly one DER element (X.690 sections 8.1 and 10.1): definite lengths of minimal size,
 * one-octet identifiers, nothing after the end, at every level. Throws `DerError`.
 */
export function parseDer(bytes: Uint8Array, limits: DerLimits = DEFAULT_LIMITS): DerElement {
  if (bytes.length > limits.maxSizeBytes) {
    throw new DerError(
      "too_large",
      `Parse DER failed: got "${bytes.length}" bytes, wanted "${limits.maxSizeBytes}" or fewer`,
    );
  }
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = checkElement(plain, 0, plain.length, limits.maxDepth);
  if (end !== plain.length) {
    throw new DerError("trailing", `Parse DER failed: got "${plain.length - end}" bytes after the element, wanted "0"`);
  }
  return new Element(plain, 0);
}

/** An element of an encoding that `checkElement` has seen; views and children are made when asked for. */
class Element implements DerElement {
  readonly tag: number;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #contentsStart: number;
  /** Where the next element would start. */
  readonly #end: number;
  #children: readonly Element[] | undefined;

  constructor(bytes: Uint8Array, start: number) {
    this.tag = bytes[start] as number;
    this.#bytes = bytes;
    this.#start = start;
    this.#contentsStart = contentsStart(bytes, start);
    this.#end = this.#contentsStart + contentsLength(bytes, start);
  }

  get size(): number {
    return this.#end - this.#start;
  }

  get length(): number {
    return this.#end - this.#contentsStart;
  }

  octet(index: number): number | undefined {
    const at = this.#contentsStart + index;
    return at < this.#end ? this.#bytes[at] : undefined;
  }

  get encoding(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  get contents(): Uint8Array {
    return this.#bytes.subarray(this.#contentsStart, this.#end);
  }

  get children(): readonly Element[] {
    this.#children ??= this.#makeChildren();
    return this.#children;
  }

  childAfter(previous?: Element): Element | undefined {
    if ((this.tag & CONSTRUCTED) === 0) return undefined;
    const start = previous === undefined ? this.#contentsStart : previous.#end;
    return start < this.#end ? new Element(this.#bytes, start) : undefined;
  }

  #makeChildren(): readonly Element[] {
    const children: Element[] = [];
    for (let child = this.childAfter(); child !== undefined; child = this.childAfter(child)) {
      if (children.length === MAX_CHILDREN) {
        throw tooMany();
      }
      children.push(child);
    }
    return children;
  }
}

/** Checks the element at `start` and all inside it, without making anything; gives its end, `limit` at the most. */
function checkElement(bytes: Uint8Array, start: number, limit: number, depthLeft: number): number {
  if (depthLeft === 0) {
    throw new DerError("too_deep", "Parse DER failed: got elements nested deeper than the limit, wanted fewer levels");
  }
  requireOctet(start, limit);
  const tag = bytes[start] as number;
  checkTag(tag);
  checkLength(bytes, start + 1, limit);
  const contents = contentsStart(bytes, start);
  const end = contents + contentsLength(bytes, start);
  if (end > limit) {
    throw new DerError("truncated", `Parse DER failed: got "${limit - start}" bytes, wanted "${end - start}"`);
  }
  if ((tag & CONSTRUCTED) !== 0) {
    for (let child = contents; child < end; ) child = checkElement(bytes, child, end, depthLeft - 1);
  }
  return end;
}

function checkTag(tag: number): void {
  const number = tag & 0x1f;
  if (number === 0x1f) {
    throw new DerError("tag", `Parse DER failed: got tag "${tagText(tag)}", wanted a tag number below 31`);
  }
  if (tag >> 6 !== 0) return;
  // X.690 sections 8.9, 8.11, 10.2: among universal types only SEQUENCE and SET are constructed, and always so.
  if (number === 0 || ((tag & CONSTRUCTED) !== 0) !== isConstructed(number)) {
    throw new DerError("tag", `Parse DER failed: got tag "${tagText(tag)}", wanted a universal type in its DER form`);
  }
}

/** Universal types that are constructed in DER: EXTERNAL is not used here, SEQUENCE and SET are. */
function isConstructed(number: number): boolean {
  return number === 0x10 || number === 0x11;
}

/** X.690 section 10.1: the definite form with as few octets as possible, four at the most. */
function checkLength(bytes: Uint8Array, at: number, limit: number): void {
  requireOctet(at, limit);
  const first = bytes[at] as number;
  if (first < 0x80) return;
  const count = first & 0x7f;
  if (count === 0 || count > 4) {
    throw new DerError("length", `Parse DER failed: got length octet "${tagText(first)}", wanted one to four octets`);
  }
  requireOctet(at + count, limit);
  const length = bigEndian(bytes, at + 1, count);
  if (length < 0x80 || length < 256 ** (count - 1)) {
    throw new DerError("length", `Parse DER failed: got length "${length}" in "${count}" octets, wanted fewer`);
  }
}

function requireOctet(index: number, limit: number): void {
  if (index >= limit) {
    throw new DerError("truncated", `Parse DER failed: got "${limit}" bytes, wanted "${index + 1}" or more`);
  }
}

/** Where the contents start of an element whose length is known to be well-formed. */
function contentsStart(bytes: Uint8Array, start: number): number {
  const first = bytes[start + 1] as number;
  return first < 0x80 ? start + 2 : start + 2 + (first & 0x7f);
}

/** How many octets the contents have, of an element whose length is known to be well-formed. */
function contentsLength(bytes: Uint8Array, start: number): number {
  const first = bytes[start + 1] as number;
  return first < 0x80 ? first : bigEndian(bytes, start + 2, first & 0x7f);
}

function bigEndian(bytes: Uint8Array, start: number, count: number): number {
  let value = 0;
  for (let i = start; i < start + count; i++) value = value * 256 + (bytes[i] as number);
  return value;
}

/** The error for more elements in one than `MAX_CHILDREN`. */
export function tooMany(): DerError {
  return new DerError("too_large", `Parse DER failed: got more elements in one, wanted "${MAX_CHILDREN}" or fewer`);
}
