import { BytesError, concat, Cursor, hex, utf8 } from "@constellation/bytes";
import { EvidenceSourceError } from "../error.ts";

/**
 * Requests and responses of the Nitro Secure Module API: CBOR (RFC 8949) of externally tagged enumerations. Only the
 * request for an attestation document is written, and only in its one form.
 */
const MAP_1 = 0xa1;
const MAP_3 = 0xa3;
const NULL = 0xf6;
const TEXT = 0x60;
const BYTES_U8 = 0x58;
const BYTES_U16 = 0x59;
const MAX_INLINE = 23;
const SHOWN_BYTES = 32;

/** `Request::Attestation` with a nonce of 24 to 255 bytes, and neither user data nor public key. */
export function attestationRequest(nonce: Uint8Array): Uint8Array {
  return concat(
    Uint8Array.of(MAP_1),
    text("Attestation"),
    Uint8Array.of(MAP_3),
    text("user_data"),
    Uint8Array.of(NULL),
    text("nonce"),
    Uint8Array.of(BYTES_U8, nonce.length),
    nonce,
    text("public_key"),
    Uint8Array.of(NULL),
  );
}

/**
 * The document of `Response::Attestation`. The response stands in a buffer of fixed size; what follows it there is left
 * aside. @throws EvidenceSourceError `device_failed` with the module's own word, or `blob_malformed`
 */
export function documentOf(buffer: Uint8Array): Uint8Array {
  try {
    return readResponse(new Cursor(buffer), buffer);
  } catch (cause) {
    if (!(cause instanceof BytesError)) throw cause;
    throw new EvidenceSourceError("blob_malformed", `Read NSM response failed: ${cause.message}`, { cause });
  }
}

function readResponse(cursor: Cursor, buffer: Uint8Array): Uint8Array {
  const kind = cursor.u8() === MAP_1 ? readText(cursor) : undefined;
  if (kind === "Error") {
    const code = readText(cursor) ?? "another error";
    throw new EvidenceSourceError("device_failed", `Ask NSM failed: got ${JSON.stringify(code)}, wanted a document`);
  }
  if (kind !== "Attestation" || cursor.u8() !== MAP_1 || readText(cursor) !== "document") throw unknown(buffer);
  const head = cursor.u8();
  if (head === BYTES_U8) return cursor.take(cursor.u8()).slice();
  if (head === BYTES_U16) return cursor.take(cursor.u16be()).slice();
  throw unknown(buffer);
}

function text(value: string): Uint8Array {
  const bytes = utf8(value);
  return concat(Uint8Array.of(TEXT | bytes.length), bytes);
}

/** A text of at most 23 ASCII characters, as all names of the interface are; undefined for anything else. */
function readText(cursor: Cursor): string | undefined {
  const length = cursor.u8() - TEXT;
  if (length < 0 || length > MAX_INLINE) return undefined;
  return String.fromCharCode(...cursor.take(length));
}

function unknown(buffer: Uint8Array): EvidenceSourceError {
  const start = hex(buffer.subarray(0, SHOWN_BYTES));
  return new EvidenceSourceError(
    "blob_malformed",
    `Read NSM response failed: got "${start}", wanted an attestation document`,
  );
}
