import { BytesError, Cursor } from "@constellation/bytes";
import { TpmError } from "./error.ts";

/**
 * Reads one structure that must fill `bytes` exactly.
 * Too few or too many bytes become a {@link TpmError} `malformed` that names the structure.
 */
export function parseWhole<T>(structure: string, bytes: Uint8Array, read: (cursor: Cursor) => T): T {
  return naming(structure, () => {
    const cursor = new Cursor(bytes);
    const value = read(cursor);
    cursor.end();
    return value;
  });
}

/** Reads a TPM2B of at most `maxBytes`. */
export function readSized(cursor: Cursor, field: string, maxBytes: number): Uint8Array {
  const size = cursor.u16be();
  if (size > maxBytes) {
    throw new TpmError("malformed", `Parse ${field} failed: got ${size} bytes, wanted at most ${maxBytes}`);
  }
  return cursor.take(size);
}

/** Reads a TPMI_YES_NO (Part 2, 9.2): only 0 and 1 are allowed. */
export function readYesNo(cursor: Cursor, field: string): boolean {
  const value = cursor.u8();
  if (value > 1) throw new TpmError("malformed", `Parse ${field} failed: got "${value}", wanted 0 or 1`);
  return value === 1;
}

function naming<T>(structure: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BytesError)) throw error;
    throw new TpmError("malformed", `Parse ${structure} failed: ${error.message}`, { cause: error });
  }
}
