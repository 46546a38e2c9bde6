import { utf8 } from "@constellation/bytes";
import { int, tlv } from "@constellation/der/testing/der-writer";

/** An INTEGER that is not negative. */
export function count(value: number): Uint8Array {
  const octets = [value & 0xff];
  for (let left = Math.floor(value / 256); left > 0; left = Math.floor(left / 256)) octets.unshift(left & 0xff);
  return (octets[0] as number) > 0x7f ? int(0, ...octets) : int(...octets);
}

export const printableString = (value: string): Uint8Array => tlv(0x13, utf8(value));
export const ia5String = (value: string): Uint8Array => tlv(0x16, utf8(value));
