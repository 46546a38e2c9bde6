import { BytesError } from "./error.ts";
import { utf8 } from "./utf8.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NO_DIGIT = 0xff;
const PADDING = 0x3d;
/** Value of each digit by its character code. */
const VALUES = new Uint8Array(256).fill(NO_DIGIT);
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
 * Bytes of a padded base64 text (RFC 4648 section 4), which may be given as its characters' bytes. Strict: no white space,
 * no URL alphabet, and the unused bits of the last digit are zero, so that each byte string has exactly one text. Throws
 * `BytesError` "encoding".
 */
export function fromBase64(text: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const digits = typeof text === "string" ? utf8(text) : text;
  const { length } = digits;
  if (length !== text.length) {
    throw new BytesError("encoding", "Decode base64 failed: got a character outside ASCII, wanted base64 digits");
  }
  if (length % 4 !== 0) {
    throw new BytesError("encoding", `Decode base64 failed: got ${length} characters, wanted a multiple of 4`);
  }
  const padding = digits[length - 1] !== PADDING ? 0 : digits[length - 2] === PADDING ? 2 : 1;
  const bytes = new Uint8Array((length / 4) * 3 - padding);
  const whole = padding === 0 ? length : length - 4;
  let at = 0;
  for (let i = 0; i < whole; i += 4) {
    const group = (twoDigits(digits, i) << 12) | twoDigits(digits, i + 2);
    bytes[at++] = group >> 16;
    bytes[at++] = group >> 8;
    bytes[at++] = group;
  }
  if (padding > 0) writeLast(bytes, at, digits, padding);
  return bytes;
}

/** The last group of a padded text: two digits for one byte, three for two. */
function writeLast(bytes: Uint8Array, at: number, digits: Uint8Array, padding: number): void {
  const start = digits.length - 4;
  const third = padding === 1 ? digitValue(digits, start + 2) : 0;
  const group = (twoDigits(digits, start) << 12) | (third << 6);
  if ((group & (padding === 1 ? 0xff : 0xffff)) !== 0) {
    throw new BytesError("encoding", "Decode base64 failed: got unused bits that are set, wanted zero bits");
  }
  bytes[at] = group >> 16;
  if (padding === 1) bytes[at + 1] = group >> 8;
}

function twoDigits(digits: Uint8Array, index: number): number {
  return (digitValue(digits, index) << 6) | digitValue(digits, index + 1);
}

function digitValue(digits: Uint8Array, index: number): number {
  const value = VALUES[digits[index] as number] as number;
  if (value === NO_DIGIT) {
    throw new BytesError(
      "encoding",
      `Decode base64 failed: got a character outside the alphabet at offset "${index}", wanted a base64 digit`,
    );
  }
  return value;
}
