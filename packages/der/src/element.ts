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
  /** The elements inside a constructed element; empty for a primitive one. */
  readonly children: readonly DerElement[];
  /** The elements inside, made one at a time and not kept: for lists with very many. */
  eachChild(): Iterable<DerElement>;
}

/** Bounds on what `parseDer` looks at. */
export interface DerLimits {
  readonly maxSizeBytes: number;
  readonly maxDepth: number;
}

/** Enough for every certificate seen in the field, with room to spare. */
export const DEFAULT_LIMITS: DerLimits = { maxSizeBytes: 64 * 1024, maxDepth: 16 };

/** Universal tag numbers that are constructed in DER: EXTERNAL is not used here, SEQUENCE and SET are. */
const UNIVERSAL_CONSTRUCTED = new Set([0x10, 0x11]);

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
  /** Where the next element would start. */
  readonly end: number;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #contentsStart: number;
  #children: Element[] | undefined;

  constructor(bytes: Uint8Array, start: number) {
    const lengthSize = lengthOctets(bytes, start + 1, bytes.length);
    this.tag = bytes[start] as number;
    this.#bytes = bytes;
    this.#start = start;
    this.#contentsStart = start + 1 + lengthSize;
    this.end = this.#contentsStart + readLength(bytes, start + 1, lengthSize);
  }

  get encoding(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.end);
  }

  get contents(): Uint8Array {
    return this.#bytes.subarray(this.#contentsStart, this.end);
  }

  get children(): readonly Element[] {
    return (this.#children ??= [...this.eachChild()]);
  }

  *eachChild(): Generator<Element> {
    if ((this.tag & CONSTRUCTED) === 0) return;
    for (let start = this.#contentsStart; start < this.end; ) {
      const child = new Element(this.#bytes, start);
      yield child;
      start = child.end;
    }
  }
}

/** Checks the element at `start` and all inside it, without making anything; gives its end, `limit` at the most. */
function checkElement(bytes: Uint8Array, start: number, limit: number, depthLeft: number): number {
  if (depthLeft === 0) {
    throw new DerError("too_deep", "Parse DER failed: got elements nested deeper than the limit, wanted fewer levels");
  }
  const tag = octet(bytes, start, limit);
  checkTag(tag);
  const lengthSize = lengthOctets(bytes, start + 1, limit);
  const contentsStart = start + 1 + lengthSize;
  const end = contentsStart + readLength(bytes, start + 1, lengthSize);
  if (end > limit) {
    throw new DerError("truncated", `Parse DER failed: got "${limit - start}" bytes, wanted "${end - start}"`);
  }
  if ((tag & CONSTRUCTED) !== 0) {
    for (let child = contentsStart; child < end; ) child = checkElement(bytes, child, end, depthLeft - 1);
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
  if (number === 0 || ((tag & CONSTRUCTED) !== 0) !== UNIVERSAL_CONSTRUCTED.has(number)) {
    throw new DerError("tag", `Parse DER failed: got tag "${tagText(tag)}", wanted a universal type in its DER form`);
  }
}

/** How many octets the length has, none of them at `limit` or after (X.690 section 8.1.3). */
function lengthOctets(bytes: Uint8Array, at: number, limit: number): number {
  const first = octet(bytes, at, limit);
  if (first < 0x80) return 1;
  const count = first & 0x7f;
  if (count === 0 || count > 4) {
    throw new DerError("length", `Parse DER failed: got length octet "${tagText(first)}", wanted one to four octets`);
  }
  octet(bytes, at + count, limit);
  return 1 + count;
}

/** X.690 section 10.1: the definite form with as few octets as possible. */
function readLength(bytes: Uint8Array, at: number, size: number): number {
  if (size === 1) return bytes[at] as number;
  let length = 0;
  for (let i = 1; i < size; i++) length = length * 256 + (bytes[at + i] as number);
  if (length < 0x80 || length < 256 ** (size - 2)) {
    throw new DerError("length", `Parse DER failed: got length "${length}" in "${size - 1}" octets, wanted fewer`);
  }
  return length;
}

function octet(bytes: Uint8Array, index: number, limit: number): number {
  if (index >= limit) {
    throw new DerError("truncated", `Parse DER failed: got "${limit}" bytes, wanted "${index + 1}" or more`);
  }
  return bytes[index] as number;
}
