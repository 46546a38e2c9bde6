import { BytesError } from "./error.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NO_DIGIT = 0xff;
/** Value of each digit by its character code. */
const VALUES = new Uint8Array(128).fill(NO_DIGIT);
for (let value = 0; value < ALPHABET.length; value++) VALUES[ALPHABET.charCodeAt(value)] = value;

/** Base64 text (RFC 4648 section 4, padded) of the bytes. */
export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += ALPHABET.charAt(group >> 18) + ALPHABET.charAt((group >> 12) & 63);
    text += left > 1 ? ALPHABET.charAt((group >> 6) & 63) : "=";
    text += left > 2 ? ALPHABET.charAt(group & 63) : "=";
  }
  return text;
}

/**
 * Bytes of a padded base64 text (RFC 4648 section 4). Strict: no white space, no URL alphabet, and the unused bits of
 * the last digit are zero, so that each byte string has exactly one text. Throws `BytesError` "encoding".
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 4 !== 0) {
    throw new BytesError("encoding", `Decode base64 failed: got ${text.length} characters, wanted a multiple of 4`);
  }
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const whole = padding === 0 ? text.length : text.length - 4;
  let length = 0;
  for (let i = 0; i < whole; i += 4) {
    const group = (twoDigits(text, i) << 12) | twoDigits(text, i + 2);
    bytes[length++] = group >> 16;
    bytes[length++] = group >> 8;
    bytes[length++] = group;
  }
  if (padding > 0) writeLast(bytes, length, text, padding);
  return bytes;
}

/** The last group of a padded text: two digits for one byte, three for two. */
function writeLast(bytes: Uint8Array, at: number, text: string, padding: number): void {
  const start = text.length - 4;
  const third = padding === 1 ? digitValue(text, start + 2) : 0;
  const group = (twoDigits(text, start) << 12) | (third << 6);
  if ((group & (padding === 1 ? 0xff : 0xffff)) !== 0) {
    throw new BytesError("encoding", "Decode base64 failed: got unused bits that are set, wanted zero bits");
  }
  bytes[at] = group >> 16;
  if (padding === 1) bytes[at + 1] = group >> 8;
}

function twoDigits(text: string, index: number): number {
  return (digitValue(text, index) << 6) | digitValue(text, index + 1);
}

function digitValue(text: string, index: number): number {
  const value = VALUES[text.charCodeAt(index)] ?? NO_DIGIT;
  if (value === NO_DIGIT) {
    throw new BytesError(
      "encoding",
      `Decode base64 failed: got a character outside the alphabet at offset "${index}", wanted a base64 digit`,
    );
  }
  return value;
}
