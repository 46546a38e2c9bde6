import { BytesError } from "./error.ts";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return ENCODER.encode(text);
}

/** Text of UTF-8 bytes. Throws `BytesError` "encoding" when they are not valid UTF-8; a byte order mark is kept. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return DECODER.decode(bytes);
  } catch {
    throw new BytesError("encoding", `Decode UTF-8 failed: got ${bytes.length} bytes, wanted valid UTF-8`);
  }
}
