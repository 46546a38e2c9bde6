import { BytesError, fromHex, fromUtf8, utf8 } from "@constellation/bytes";
import { isObject, JsonError, type JsonObject, memberText, parseStrictJsonObject } from "@constellation/json";
import { attempt } from "./attempt.ts";
import { TdxError, type TdxErrorCode } from "./error.ts";

/** A signed answer of the PCS: an object, and the signature over its bytes as they stand. */
export interface SignedAnswer {
  readonly fields: JsonFields;
  readonly signed: Uint8Array;
  /** r and s, 32 bytes each, big-endian. */
  readonly signature: Uint8Array;
}

/** What to call a document in messages, and the code of errors about it. */
export interface DocumentKind {
  readonly name: string;
  readonly code: TdxErrorCode;
}

const SIGNATURE_BYTES = 64;
const MAX_DOCUMENT_BYTES = 1024 * 1024;
const MAX_SHOWN = 80;
const HEX = /^[0-9A-Fa-f]*$/;
const DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

/**
 * Reads an answer that is an object of exactly two members: the signed one by this key, and "signature" (Intel PCS API
 * v4, TCB info V3 and enclave identity V2). Throws `TdxError` with the code of the kind.
 */
export function readSignedAnswer(bytes: Uint8Array, kind: DocumentKind, key: string): SignedAnswer {
  if (bytes.length > MAX_DOCUMENT_BYTES) {
    throw malformed(kind, "answer", `"${bytes.length}" bytes`, `"${MAX_DOCUMENT_BYTES}" or fewer`);
  }
  const { text, object } = parse(bytes, kind);
  const answer = new JsonFields(object, "answer", kind);
  answer.requireOnly([key, "signature"]);
  const fields = answer.object(key);
  // The object is never written anew: the signature covers it as it was sent.
  const signed = utf8(memberText(text, key));
  return { fields, signed, signature: answer.hex("signature", SIGNATURE_BYTES) };
}

function parse(bytes: Uint8Array, kind: DocumentKind): { text: string; object: JsonObject } {
  const { value, error: cause } = attempt([BytesError, JsonError], () => {
    const text = fromUtf8(bytes);
    return { text, object: parseStrictJsonObject(text) };
  });
  if (value !== undefined) return value;
  throw new TdxError(kind.code, `Parse ${kind.name} failed: ${cause.message}`, { cause });
}

/** Reads typed members of one object. Every method throws `TdxError` with the code of the kind. */
export class JsonFields {
  readonly #members: JsonObject;
  readonly #path: string;
  readonly #kind: DocumentKind;

  constructor(value: unknown, path: string, kind: DocumentKind) {
    if (!isObject(value)) throw malformed(kind, path, shown(value), "an object");
    this.#members = value;
    this.#path = path;
    this.#kind = kind;
  }

  /** Refuses members by other keys. */
  requireOnly(keys: readonly string[]): void {
    const other = Object.keys(this.#members).find((key) => !keys.includes(key));
    if (other !== undefined) throw malformed(this.#kind, this.#path, `key ${shown(other)}`, `only ${keys.join(", ")}`);
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#members, key);
  }

  object(key: string): JsonFields {
    return new JsonFields(this.#member(key), this.#at(key), this.#kind);
  }

  /** The objects of a list, of this length where one is given. */
  objects(key: string, length?: number): JsonFields[] {
    const list = this.#list(key);
    if (length !== undefined && list.length !== length) {
      throw malformed(this.#kind, this.#at(key), `a list of "${list.length}"`, `"${length}"`);
    }
    const at = this.#at(key);
    return list.map((member, index) => new JsonFields(member, `${at}[${index}]`, this.#kind));
  }

  /** A list of texts; one that is not there is empty. */
  texts(key: string): string[] {
    if (!this.has(key)) return [];
    return this.#list(key).map((value) => {
      if (typeof value !== "string") throw this.#wrong(key, value, "a list of texts");
      return value;
    });
  }

  text(key: string): string {
    const value = this.#member(key);
    if (typeof value !== "string") throw this.#wrong(key, value, "a text");
    return value;
  }

  /** A text that is one of these. */
  oneOf<T extends string>(key: string, wanted: readonly T[]): T {
    const text = this.text(key);
    const found = wanted.find((candidate) => candidate === text);
    if (found === undefined) throw this.#wrong(key, text, wanted.join(" or "));
    return found;
  }

  /** A whole number from 0 to `max`. */
  count(key: string, max: number): number {
    const value = this.#member(key);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0 || value > max) {
      throw this.#wrong(key, value, `a whole number from 0 to ${max}`);
    }
    return value;
  }

  /** A number that must be this one. */
  exactly<T extends number>(key: string, wanted: T): T {
    const value = this.#member(key);
    if (value !== wanted) throw this.#wrong(key, value, String(wanted));
    return wanted;
  }

  /** Bytes in hexadecimal, of this size. */
  hex(key: string, sizeBytes: number): Uint8Array {
    const text = this.text(key);
    if (text.length !== 2 * sizeBytes || !HEX.test(text)) throw this.#wrong(key, text, `${2 * sizeBytes} hex digits`);
    return fromHex(text);
  }

  /** A time to the second in UTC, as the PCS writes it. */
  date(key: string): Date {
    const text = this.text(key);
    const date = new Date(DATE.test(text) ? text : Number.NaN);
    // Date accepts a 31st of June, and 24 hours, and rolls over into another day than was read.
    if (date.getUTCDate() !== Number(text.slice(8, 10))) {
      throw this.#wrong(key, text, "a time like 2025-06-19T10:16:03Z");
    }
    return date;
  }

  #list(key: string): readonly unknown[] {
    const value = this.#member(key);
    if (!Array.isArray(value)) throw this.#wrong(key, value, "a list");
    return value;
  }

  #member(key: string): unknown {
    if (!this.has(key)) throw malformed(this.#kind, this.#path, `no key "${key}"`, "one");
    return this.#members[key];
  }

  #at(key: string): string {
    return `${this.#path}.${key}`;
  }

  #wrong(key: string, value: unknown, wanted: string): TdxError {
    return malformed(this.#kind, this.#at(key), shown(value), wanted);
  }
}

function malformed(kind: DocumentKind, path: string, got: string, wanted: string): TdxError {
  return new TdxError(kind.code, `Parse ${kind.name} failed: ${path}: got ${got}, wanted ${wanted}`);
}

/** A foreign value for a message: quoted and cut, and by its kind only where it is a list or an object. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}
