import { BytesError } from "./error.ts";

const HEX_PAIRS = /^(?:[0-9a-fA-F]{2})*$/;
/** Character codes of the digits. */
const DIGITS = Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));
/** So many at a time, which bounds the memory that a long text takes on its way. */
const PART_BYTES = 2048;

/** Lower-case hexadecimal text of the bytes. */
export function hex(bytes: Uint8Array): string {
  if (bytes.length <= PART_BYTES) return hexOfPart(bytes);
  let text = "";
  for (let at = 0; at < bytes.length; at += PART_BYTES) text += hexOfPart(bytes.subarray(at, at + PART_BYTES));
  return text;
}

/** In one call, which gives one string where adding up would give a chain of them that takes many times the memory. */
function hexOfPart(bytes: Uint8Array): string {
  const codes = Array<number>(2 * bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    codes[2 * i] = DIGITS[byte >> 4] as number;
    codes[2 * i + 1] = DIGITS[byte & 0x0f] as number;
  }
  return String.fromCharCode.apply(null, codes);
}

/** Bytes of a hexadecimal text of either case. Throws `BytesError` "encoding" for anything but pairs of digits. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  if (!HEX_PAIRS.test(text)) {
    throw new BytesError("encoding", `Decode hex failed: got ${text.length} characters, wanted pairs of hex digits`);
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = (digitValue(text.charCodeAt(2 * i)) << 4) | digitValue(text.charCodeAt(2 * i + 1));
  }
  return bytes;
}

/** Value of a hex digit by its character code: those of letters have bit 6 set, and end in 1 for "a" and "A". */
function digitValue(code: number): number {
  return (code & 0x0f) + 9 * (code >> 6);
}
