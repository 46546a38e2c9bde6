import { BytesError } from "./error.ts";

const HEX_PAIRS = /^(?:[0-9a-fA-F]{2})*$/;
const TEXTS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Lower-case hexadecimal text of the bytes. */
export function hex(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += TEXTS[bytes[i] as number] as string;
  return text;
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
