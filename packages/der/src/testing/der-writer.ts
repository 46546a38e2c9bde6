import { concat, utf8 } from "@constellation/bytes";

/** One DER element. */
export function tlv(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const body = concat(...contents);
  return concat(Uint8Array.of(tag), lengthOctets(body.length), body);
}

export const seq = (...members: readonly Uint8Array[]): Uint8Array => tlv(0x30, ...members);
export const set = (...members: readonly Uint8Array[]): Uint8Array => tlv(0x31, ...members);
export const int = (...octets: readonly number[]): Uint8Array => tlv(0x02, Uint8Array.from(octets));
/** An INTEGER that is not negative. */
export function count(value: number): Uint8Array {
  const magnitude = [value & 0xff];
  for (let left = Math.floor(value / 256); left > 0; left = Math.floor(left / 256)) magnitude.unshift(left & 0xff);
  return (magnitude[0] as number) > 0x7f ? int(0, ...magnitude) : int(...magnitude);
}

export const enumerated = (value: number): Uint8Array => tlv(0x0a, Uint8Array.of(value));
export const bool = (value: boolean): Uint8Array => tlv(0x01, Uint8Array.of(value ? 0xff : 0));
export const octets = (bytes: Uint8Array): Uint8Array => tlv(0x04, bytes);
export const bits = (bytes: Uint8Array, unused = 0): Uint8Array => tlv(0x03, Uint8Array.of(unused), bytes);
export const nul = (): Uint8Array => tlv(0x05);
export const text = (value: string): Uint8Array => tlv(0x0c, utf8(value));
export const printableString = (value: string): Uint8Array => tlv(0x13, utf8(value));
export const ia5String = (value: string): Uint8Array => tlv(0x16, utf8(value));

/** A UTCTime or GeneralizedTime as RFC 5280 chooses. */
export function time(date: Date): Uint8Array {
  const digits = `${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}Z`;
  return date.getUTCFullYear() < 2050 ? tlv(0x17, utf8(digits.slice(2))) : tlv(0x18, utf8(digits));
}

export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...others] = dotted.split(".").map(Number);
  return tlv(0x06, Uint8Array.from([first * 40 + second, ...others].flatMap(arcOctets)));
}

function arcOctets(arc: number): number[] {
  const octetsOfArc = [arc & 0x7f];
  for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
    octetsOfArc.unshift((left & 0x7f) | 0x80);
  return octetsOfArc;
}

function lengthOctets(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const octetsOfLength: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) octetsOfLength.unshift(left & 0xff);
  return Uint8Array.of(0x80 | octetsOfLength.length, ...octetsOfLength);
}
