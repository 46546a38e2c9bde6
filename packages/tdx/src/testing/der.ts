import { concat } from "@constellation/bytes";

/** One DER element of these contents. */
export function tlv(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const body = concat(...contents);
  return concat(Uint8Array.of(tag), lengthOctets(body.length), body);
}

export const seq = (...members: readonly Uint8Array[]): Uint8Array => tlv(0x30, ...members);
export const octets = (bytes: Uint8Array): Uint8Array => tlv(0x04, bytes);
export const bool = (value: boolean): Uint8Array => tlv(0x01, Uint8Array.of(value ? 0xff : 0x00));
export const enumerated = (value: number): Uint8Array => tlv(0x0a, Uint8Array.of(value));

/** An INTEGER from 0 to 0xffff. */
export function int(value: number): Uint8Array {
  const bytes = value > 0x7fff ? [0, value >> 8, value] : value > 0x7f ? [value >> 8, value] : [value];
  return tlv(0x02, Uint8Array.from(bytes));
}

/** An OBJECT IDENTIFIER in dotted text. */
export function oid(text: string): Uint8Array {
  const [first = 0, second = 0, ...others] = text.split(".").map(Number);
  return tlv(0x06, Uint8Array.from([first * 40 + second, ...others].flatMap(arcOctets)));
}

function arcOctets(arc: number): number[] {
  const octetsOfArc = [arc & 0x7f];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
    octetsOfArc.unshift((rest & 0x7f) | 0x80);
  }
  return octetsOfArc;
}

function lengthOctets(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  if (length < 0x100) return Uint8Array.of(0x81, length);
  return Uint8Array.of(0x82, length >> 8, length & 0xff);
}
