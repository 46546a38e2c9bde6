import { hex } from "@constellation/bytes";
import type { DerElement } from "./element.ts";
import { DerError } from "./error.ts";
import { expectTag } from "./structure.ts";
import { TAG, tagText } from "./tag.ts";

/** Contents of an INTEGER: two's complement, big-endian, of minimal length (X.690 section 8.3.2). */
export function readIntegerBytes(element: DerElement): Uint8Array {
  expectTag(element, TAG.INTEGER, "INTEGER");
  return minimalInteger(element.contents);
}

/** Value of an INTEGER of any size. */
export function readInteger(element: DerElement): bigint {
  const bytes = readIntegerBytes(element);
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex(bytes)}`));
}

/** As many as a safe integer and its sign take, and one to spare. */
const MAX_COUNT_OCTETS = 8;

/** Octets of numbers that are read without a detour over big integers. */
const MAX_SMALL_OCTETS = 4;

/** Value of an INTEGER that counts something: between 0 and `max`. Throws `DerError` "integer" outside. */
export function readCount(element: DerElement, max: number): number {
  const bytes = readIntegerBytes(element);
  const { length } = bytes;
  if (length <= MAX_SMALL_OCTETS && (bytes[0] as number) < 0x80) {
    const small = bytes.reduce((value, byte) => value * 256 + byte, 0);
    if (small <= max) return small;
  }
  // The value of a number of millions of octets takes minutes to write out for the message.
  if (length > MAX_COUNT_OCTETS) {
    throw new DerError("integer", `Read INTEGER failed: got "${length}" octets, wanted "0" to "${max}"`);
  }
  const value = readInteger(element);
  if (value < 0n || value > BigInt(max)) {
    throw new DerError("integer", `Read INTEGER failed: got "${value}", wanted "0" to "${max}"`);
  }
  return Number(value);
}

function minimalInteger(contents: Uint8Array): Uint8Array {
  const first = contents[0];
  const second = contents[1];
  if (first === undefined) throw new DerError("integer", "Read INTEGER failed: got no octets, wanted one or more");
  const signOnly =
    (first === 0x00 && second !== undefined && second < 0x80) || (first === 0xff && (second ?? 0) >= 0x80);
  if (signOnly) {
    throw new DerError(
      "integer",
      `Read INTEGER failed: got a leading octet "${tagText(first)}", wanted the shortest form`,
    );
  }
  return contents;
}

/** Value of a BOOLEAN: exactly 0xff or 0x00 (X.690 section 11.1). */
export function readBoolean(element: DerElement): boolean {
  expectTag(element, TAG.BOOLEAN, "BOOLEAN");
  const value = element.octet(0);
  if (element.length !== 1 || (value !== 0x00 && value !== 0xff)) {
    throw new DerError("boolean", "Read BOOLEAN failed: got other contents, wanted one octet 0x00 or 0xff");
  }
  return value === 0xff;
}

/** Refuses a NULL that has contents (X.690 section 8.8). */
export function readNull(element: DerElement): void {
  expectTag(element, TAG.NULL, "NULL");
  if (element.length !== 0) {
    throw new DerError("null", `Read NULL failed: got "${element.length}" octets, wanted none`);
  }
}

/** Contents of an OCTET STRING. */
export function readOctetString(element: DerElement): Uint8Array {
  expectTag(element, TAG.OCTET_STRING, "OCTET STRING");
  return element.contents;
}

/** A BIT STRING: its octets and how many low bits of the last one are not part of it. */
export interface BitString {
  readonly bytes: Uint8Array;
  readonly unusedBits: number;
}

/** Value of a BIT STRING; unused bits must be zero (X.690 section 11.2.1). */
export function readBitString(element: DerElement): BitString {
  expectTag(element, TAG.BIT_STRING, "BIT STRING");
  const { contents } = element;
  const [unusedBits] = contents;
  const bytes = contents.subarray(1);
  if (unusedBits === undefined || unusedBits > 7 || (bytes.length === 0 && unusedBits !== 0)) {
    throw new DerError("bit_string", "Read BIT STRING failed: got a wrong count of unused bits, wanted 0 to 7");
  }
  if (((bytes.at(-1) ?? 0) & ((1 << unusedBits) - 1)) !== 0) {
    throw new DerError("bit_string", "Read BIT STRING failed: got unused bits that are set, wanted zero bits");
  }
  return { bytes, unusedBits };
}

/** Octets of a BIT STRING that holds whole octets, as keys and signatures do. */
export function readBitStringBytes(element: DerElement): Uint8Array {
  const { bytes, unusedBits } = readBitString(element);
  if (unusedBits !== 0) {
    throw new DerError("bit_string", `Read BIT STRING failed: got "${unusedBits}" unused bits, wanted "0"`);
  }
  return bytes;
}

/**
 * Named bits of a BIT STRING: the set of the numbers of bits that are one, bit 0 the highest of the first octet.
 * Trailing zero bits are let pass, although X.690 section 11.2.2 wants them left out: AMD's intermediate certificates
 * have them. They change no value, and the encoding they stand in is compared and signed as it is.
 */
export function readNamedBits(element: DerElement): ReadonlySet<number> {
  const { bytes } = readBitString(element);
  const bits = new Set<number>();
  bytes.forEach((byte, index) => {
    for (let bit = 0; bit < 8; bit++) {
      if ((byte & (0x80 >> bit)) !== 0) bits.add(index * 8 + bit);
    }
  });
  return bits;
}
