/** Far below what any engine takes. */
const MAX_ARGUMENTS = 4096;

/**
 * Text of ISO 8859-1 bytes: each byte is the code point of its value. Never fails. Made by as few calls as can be: that
 * gives one string, where adding up one by one gives a chain of them that takes many times the memory.
 */
export function fromLatin1(bytes: Uint8Array): string {
  if (bytes.length <= MAX_ARGUMENTS) return charactersOf(bytes);
  let text = "";
  for (let at = 0; at < bytes.length; at += MAX_ARGUMENTS) text += charactersOf(bytes.subarray(at, at + MAX_ARGUMENTS));
  return text;
}

function charactersOf(bytes: Uint8Array): string {
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}

/** ISO 8859-1 bytes of a text; of other characters the low byte. */
export function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Text of UTF-16 code units, low byte first; surrogates may stand alone, and an odd last byte is left out. */
export function fromUtf16le(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    text += String.fromCharCode((bytes[at] as number) | ((bytes[at + 1] as number) << 8));
  }
  return text;
}

/** The UTF-16 code units of a text, low byte first. */
export function utf16le(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(2 * text.length);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < text.length; index++) view.setUint16(2 * index, text.charCodeAt(index), true);
  return bytes;
}
