import { BytesError, Cursor, concat, utf8 } from "@constellation/bytes";
import { AtlsError } from "./errors.ts";

/** Version byte of the HELLO message. */
const PROTOCOL_VERSION = 1;

/** Size of each side's nonce. */
export const NONCE_BYTES = 32;

/** Greatest length of a purpose, in bytes. */
const MAX_PURPOSE_BYTES = 64;

const PURPOSE_SHAPE = /^[a-z][a-z0-9-]{0,63}$/;
const CODE_SHAPE = /^[a-z][a-z0-9_-]{0,63}$/;
const MAX_TEXT_CHARACTERS = 200;

/** Which end of the connection a side is. */
export type Role = "client" | "server";

/** What a side declares about itself: that it sends evidence, or that it sends none. */
export type Mode = "attesting" | "anonymous";

/** The first message of each side. */
export interface Hello {
  readonly role: Role;
  readonly mode: Mode;
  readonly purpose: string;
  /** 32 bytes. */
  readonly nonce: Uint8Array;
}

/** The message of a side that does not go on. */
export interface Refused {
  readonly code: string;
  readonly text: string;
}

const ROLES: readonly Role[] = ["client", "server"];
const MODES: readonly Mode[] = ["attesting", "anonymous"];

/** Serialises a HELLO body: version, role, mode (one byte each), nonce, purpose with its length in one byte. */
export function serializeHello({ role, mode, purpose, nonce }: Hello): Uint8Array {
  const fixed = Uint8Array.of(PROTOCOL_VERSION, ROLES.indexOf(role) + 1, MODES.indexOf(mode) + 1);
  const name = utf8(purpose);
  return concat(fixed, nonce, Uint8Array.of(name.length), name);
}

/** Parses a HELLO body. @throws AtlsError "version-mismatch", "malformed" */
export function parseHello(body: Uint8Array): Hello {
  return parsing("HELLO", () => {
    const cursor = new Cursor(body);
    const version = cursor.u8();
    if (version !== PROTOCOL_VERSION) {
      const wanted = `wanted "${PROTOCOL_VERSION}"`;
      throw new AtlsError("version-mismatch", `Read HELLO failed: got protocol version "${version}", ${wanted}`);
    }
    const role = oneOf(ROLES, cursor.u8(), "role");
    const mode = oneOf(MODES, cursor.u8(), "mode");
    const nonce = cursor.take(NONCE_BYTES).slice();
    const purpose = shapedText(cursor.take(cursor.u8()), PURPOSE_SHAPE, "purpose");
    cursor.end();
    return { role, mode, nonce, purpose };
  });
}

/** Serialises a REFUSED body: code and text, each with its length in one byte. Text is cut and cleaned to printable ASCII. */
export function serializeRefused({ code, text }: Refused): Uint8Array {
  const codeBytes = utf8(code);
  const textBytes = utf8(printable(text));
  return concat(Uint8Array.of(codeBytes.length), codeBytes, Uint8Array.of(textBytes.length), textBytes);
}

/** Parses a REFUSED body; its text comes out as printable ASCII, whatever the peer sent. @throws AtlsError "malformed" */
export function parseRefused(body: Uint8Array): Refused {
  return parsing("REFUSED", () => {
    const cursor = new Cursor(body);
    const code = shapedText(cursor.take(cursor.u8()), CODE_SHAPE, "code");
    const text = printable(latin1(cursor.take(cursor.u8())));
    cursor.end();
    return { code, text };
  });
}

/** Checks a purpose that our own side was configured with. @throws RangeError */
export function checkPurpose(purpose: string): string {
  if (PURPOSE_SHAPE.test(purpose)) return purpose;
  const wanted = `wanted 1 to ${MAX_PURPOSE_BYTES} lower-case letters, digits and hyphens`;
  throw new RangeError(`Configure attested TLS failed: got purpose "${printable(purpose)}", ${wanted}`);
}

/** Replaces everything but printable ASCII by "?", and cuts after 200 characters, so that a peer can't write to our terminal. */
function printable(text: string): string {
  return text.slice(0, MAX_TEXT_CHARACTERS).replace(/[^\x20-\x7e]/g, "?");
}

function parsing<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof BytesError)) throw error;
    throw new AtlsError("malformed", `Read ${what} failed: ${error.message}`, { cause: error });
  }
}

function oneOf<T extends string>(values: readonly T[], index: number, what: string): T {
  const value = values[index - 1];
  if (value !== undefined) return value;
  throw new AtlsError("malformed", `Read HELLO failed: got ${what} "${index}", wanted 1 to ${values.length}`);
}

function shapedText(bytes: Uint8Array, shape: RegExp, what: string): string {
  const text = latin1(bytes);
  if (shape.test(text)) return text;
  const wanted = "wanted lower-case letters, digits and hyphens";
  throw new AtlsError("malformed", `Read attested TLS message failed: got ${what} "${printable(text)}", ${wanted}`);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
