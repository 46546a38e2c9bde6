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
 * one-octet identifiers, nothing after the end. Throws `DerError`.
 */
export function parseDer(bytes: Uint8Array, limits: DerLimits = DEFAULT_LIMITS): DerElement {
  if (bytes.length > limits.maxSizeBytes) {
    throw new DerError(
      "too_large",
      `Parse DER failed: got "${bytes.length}" bytes, wanted "${limits.maxSizeBytes}" or fewer`,
    );
  }
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const element = parseElement(plain, limits.maxDepth);
  if (element.encoding.length !== plain.length) {
    throw new DerError(
      "trailing",
      `Parse DER failed: got "${plain.length - element.encoding.length}" bytes after the element, wanted "0"`,
    );
  }
  return element;
}

function parseElement(bytes: Uint8Array, depthLeft: number): DerElement {
  if (depthLeft === 0) {
    throw new DerError("too_deep", "Parse DER failed: got elements nested deeper than the limit, wanted fewer levels");
  }
  const tag = parseTag(bytes);
  const { headerLength, contentsLength } = parseLength(bytes);
  const end = headerLength + contentsLength;
  if (end > bytes.length) {
    throw new DerError("truncated", `Parse DER failed: got "${bytes.length}" bytes, wanted "${end}"`);
  }
  const contents = bytes.subarray(headerLength, end);
  const children = (tag & CONSTRUCTED) === 0 ? [] : parseChildren(contents, depthLeft - 1);
  return { tag, encoding: bytes.subarray(0, end), contents, children };
}

function parseChildren(contents: Uint8Array, depthLeft: number): DerElement[] {
  const children: DerElement[] = [];
  for (let offset = 0; offset < contents.length; ) {
    const child = parseElement(contents.subarray(offset), depthLeft);
    children.push(child);
    offset += child.encoding.length;
  }
  return children;
}

function parseTag(bytes: Uint8Array): number {
  const tag = octet(bytes, 0);
  const number = tag & 0x1f;
  if (number === 0x1f) {
    throw new DerError("tag", `Parse DER failed: got tag "${tagText(tag)}", wanted a tag number below 31`);
  }
  if (tag >> 6 !== 0) return tag;
  // X.690 sections 8.9, 8.11, 10.2: among universal types only SEQUENCE and SET are constructed, and always so.
  if (number === 0 || ((tag & CONSTRUCTED) !== 0) !== UNIVERSAL_CONSTRUCTED.has(number)) {
    throw new DerError("tag", `Parse DER failed: got tag "${tagText(tag)}", wanted a universal type in its DER form`);
  }
  return tag;
}

/** X.690 section 10.1: the definite form with as few octets as possible. */
function parseLength(bytes: Uint8Array): { headerLength: number; contentsLength: number } {
  const first = octet(bytes, 1);
  if (first < 0x80) return { headerLength: 2, contentsLength: first };
  const count = first & 0x7f;
  if (count === 0 || count > 4) {
    throw new DerError("length", `Parse DER failed: got length octet "${tagText(first)}", wanted one to four octets`);
  }
  let contentsLength = 0;
  for (let i = 0; i < count; i++) contentsLength = contentsLength * 256 + octet(bytes, 2 + i);
  if (contentsLength < 0x80 || contentsLength < 256 ** (count - 1)) {
    throw new DerError("length", `Parse DER failed: got length "${contentsLength}" in "${count}" octets, wanted fewer`);
  }
  return { headerLength: 2 + count, contentsLength };
}

function octet(bytes: Uint8Array, index: number): number {
  const value = bytes[index];
  if (value === undefined) {
    throw new DerError("truncated", `Parse DER failed: got "${bytes.length}" bytes, wanted "${index + 1}" or more`);
  }
  return value;
}
