import { BytesError, concat, Cursor, fromUtf8, utf8 } from "@constellation/bytes";
import { KmsError, quoted } from "../error.ts";
import { KMS_KINDS, type KmsKind } from "../key-wrapper.ts";

/** A wrapped secret, version 1: SPECIFICATION.md, "Wrapped keys". */
export interface Envelope {
  readonly kind: KmsKind;
  /** Public; what the secret is bound to. */
  readonly associatedData: Uint8Array;
  readonly keyName: string;
  /** The content key, wrapped by the KMS. */
  readonly wrappedKey: Uint8Array;
  readonly nonce: Uint8Array;
  /** AES-256-GCM of the secret, with its tag at the end. */
  readonly sealed: Uint8Array;
}

/** Bounds of the parts. */
export const ENVELOPE_LIMITS = {
  associatedDataBytes: 1024,
  keyNameBytes: 512,
  wrappedKeyBytes: 8192,
  plaintextBytes: 4096,
} as const;

export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

const MAGIC = utf8("ckms");
const VERSION = 1;
const KINDS = new Map<number, KmsKind>(Object.entries(KMS_KINDS).map(([kind, number]) => [number, kind as KmsKind]));
// Visible ASCII: key names end in messages and paths.
const KEY_NAME = /^[\x21-\x7e]+$/;

/** All before the nonce: what the tag covers besides the secret. @throws KmsError `kms_answer`, `request_invalid` */
export function envelopeHeader(
  parts: Pick<Envelope, "kind" | "associatedData" | "keyName" | "wrappedKey">,
): Uint8Array {
  const { associatedData, keyName, wrappedKey } = parts;
  requireLength("request_invalid", "associated data", associatedData.length, ENVELOPE_LIMITS.associatedDataBytes);
  const name = utf8(keyName);
  requireLength("kms_answer", "key name", name.length, ENVELOPE_LIMITS.keyNameBytes);
  if (!KEY_NAME.test(keyName)) throw wrapFailed("kms_answer", `key name ${quoted(keyName)}`, "visible ASCII");
  requireLength("kms_answer", "wrapped content key", wrappedKey.length, ENVELOPE_LIMITS.wrappedKeyBytes);
  const version = Uint8Array.of(VERSION, KMS_KINDS[parts.kind]);
  return concat(
    MAGIC,
    version,
    u16(associatedData.length),
    associatedData,
    u16(name.length),
    name,
    u16(wrappedKey.length),
    wrappedKey,
  );
}

/** The bytes of an envelope. @throws KmsError `kms_answer`, `request_invalid` */
export function formatEnvelope(envelope: Envelope): Uint8Array {
  return concat(envelopeHeader(envelope), envelope.nonce, envelope.sealed);
}

/**
 * Parses an envelope; slices are copies. Says nothing about whether it is genuine.
 * @throws KmsError `wrapped_key_corrupt`, `wrapped_key_version`
 */
export function parseEnvelope(bytes: Uint8Array): Envelope {
  try {
    return readEnvelope(new Cursor(Uint8Array.from(bytes)));
  } catch (cause) {
    if (cause instanceof BytesError) throw parseFailed("an envelope that ends early", "a whole one", { cause });
    throw cause;
  }
}

function readEnvelope(cursor: Cursor): Envelope {
  const magic = cursor.take(MAGIC.length);
  if (magic.some((byte, index) => byte !== MAGIC[index]))
    throw parseFailed("other bytes", 'an envelope that begins "ckms"');
  const version = cursor.u8();
  if (version !== VERSION) {
    throw new KmsError(
      "wrapped_key_version",
      `Parse wrapped key failed: got version "${version}", wanted "${VERSION}"`,
    );
  }
  const kindNumber = cursor.u8();
  const kind = KINDS.get(kindNumber);
  if (kind === undefined) throw parseFailed(`kind of KMS "${kindNumber}"`, `one of ${[...KINDS.keys()].join(", ")}`);
  const associatedData = readPart(cursor, "associated data", ENVELOPE_LIMITS.associatedDataBytes);
  const keyName = readKeyName(readPart(cursor, "key name", ENVELOPE_LIMITS.keyNameBytes));
  const wrappedKey = readPart(cursor, "wrapped content key", ENVELOPE_LIMITS.wrappedKeyBytes);
  const nonce = cursor.take(NONCE_BYTES);
  const sealed = cursor.rest();
  const plaintextBytes = sealed.length - TAG_BYTES;
  if (plaintextBytes < 1 || plaintextBytes > ENVELOPE_LIMITS.plaintextBytes) {
    throw parseFailed(`a secret of "${plaintextBytes}" bytes`, `"1" to "${ENVELOPE_LIMITS.plaintextBytes}"`);
  }
  return { kind, associatedData, keyName, wrappedKey, nonce, sealed };
}

function readPart(cursor: Cursor, what: string, max: number): Uint8Array {
  const length = cursor.u16be();
  if (length < 1 || length > max) throw parseFailed(`${what} of "${length}" bytes`, `"1" to "${max}"`);
  return cursor.take(length);
}

function readKeyName(bytes: Uint8Array): string {
  const name = bytes.every((byte) => byte < 0x80) ? fromUtf8(bytes) : "";
  if (!KEY_NAME.test(name)) throw parseFailed("a key name of other characters", "visible ASCII");
  return name;
}

function requireLength(code: "request_invalid" | "kms_answer", what: string, length: number, max: number): void {
  if (length < 1 || length > max) throw wrapFailed(code, `${what} of "${length}" bytes`, `"1" to "${max}"`);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function wrapFailed(code: "request_invalid" | "kms_answer", got: string, wanted: string): KmsError {
  return new KmsError(code, `Wrap key failed: got ${got}, wanted ${wanted}`);
}

function parseFailed(got: string, wanted: string, options?: ErrorOptions): KmsError {
  return new KmsError("wrapped_key_corrupt", `Parse wrapped key failed: got ${got}, wanted ${wanted}`, options);
}
