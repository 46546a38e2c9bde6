import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { KEY_LENGTH_BYTES } from "@constellation/keys";
import { FormatError } from "./error.ts";
import { type KekSource, nameBytes, ObjectKey, type ObjectName, wrappingKey } from "./keys.ts";

/** Version of the format: the first byte of everything we store. */
export const FORMAT_VERSION = 1;
/** What follows the version. */
export const KIND = { single: 1, multipart: 2, part: 3 } as const;

/** What an object's metadata says: all of it, or that the object's leader has it. */
export type ObjectHeader = SingleHeader | { readonly kind: "multipart" };

/** The header of an object that was put in one request. */
export interface SingleHeader {
  readonly kind: "single";
  readonly kekGeneration: number;
  readonly objectId: Uint8Array;
  readonly plainBytes: number;
  readonly nonce: Uint8Array;
  readonly wrappedKey: Uint8Array;
}

/** An object's key with what goes with it. */
export interface SingleObject {
  readonly objectId: Uint8Array;
  readonly objectKey: ObjectKey;
  readonly plainBytes: number;
}

const OBJECT_ID_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const FIXED_BYTES = 28;
const SINGLE_BYTES = FIXED_BYTES + NONCE_BYTES + KEY_LENGTH_BYTES + TAG_BYTES;

/** Header of multipart objects. */
export const MULTIPART_HEADER = Buffer.from([FORMAT_VERSION, KIND.multipart]).toString("base64");

/** Makes a fresh identity and key for an object of so many bytes. */
export function newObject(plainBytes: number): SingleObject {
  const objectKey = new ObjectKey(randomBytes(KEY_LENGTH_BYTES));
  return { objectId: randomBytes(OBJECT_ID_BYTES), objectKey, plainBytes };
}

/** Parses what the metadata holds. @throws FormatError `header_malformed`, `version_unknown` */
export function parseObjectHeader(text: string): ObjectHeader {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text || bytes.length < 2) throw malformed("no base64 of two bytes or more");
  if (bytes[0] !== FORMAT_VERSION) {
    throw new FormatError("version_unknown", `Parse header failed: got version ${bytes[0]}, wanted ${FORMAT_VERSION}`);
  }
  if (bytes[1] === KIND.multipart && bytes.length === 2) return { kind: "multipart" };
  if (bytes[1] !== KIND.single || bytes.length !== SINGLE_BYTES) {
    throw malformed(`kind ${bytes[1]} with ${bytes.length} bytes`);
  }
  const plainBytes = Number(bytes.readBigUInt64BE(20));
  if (!Number.isSafeInteger(plainBytes)) throw malformed(`a length of ${plainBytes} bytes`);
  return {
    kind: "single",
    kekGeneration: bytes.readUInt16BE(2),
    objectId: bytes.subarray(4, 20),
    plainBytes,
    nonce: bytes.subarray(FIXED_BYTES, FIXED_BYTES + NONCE_BYTES),
    wrappedKey: bytes.subarray(FIXED_BYTES + NONCE_BYTES),
  };
}

/** Wraps an object's key for a place: version, kind, KEK generation, ID, length, bucket and key are bound to it. */
export async function wrapObject(
  { objectId, objectKey, plainBytes }: SingleObject,
  name: ObjectName,
  keks: KekSource,
): Promise<string> {
  const { generation, key: kek } = await keks.current();
  const fixed = fixedBytes({ kekGeneration: generation, objectId, plainBytes });
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", wrappingKey(kek, objectId), nonce);
  cipher.setAAD(Buffer.concat([fixed, nameBytes(name)]));
  const wrapped = Buffer.concat([cipher.update(objectKey.reveal()), cipher.final(), cipher.getAuthTag()]);
  return Buffer.concat([fixed, nonce, wrapped]).toString("base64");
}

/**
 * Unwraps an object's key.
 * @throws FormatError `key_not_unwrapped` if any field of the header was changed or the object is of another place
 */
export async function unwrapObject(header: SingleHeader, name: ObjectName, keks: KekSource): Promise<SingleObject> {
  const { kekGeneration, objectId, plainBytes, nonce, wrappedKey } = header;
  const kek = await keks.get(kekGeneration);
  const decipher = createDecipheriv("aes-256-gcm", wrappingKey(kek, objectId), nonce);
  decipher.setAAD(Buffer.concat([fixedBytes(header), nameBytes(name)]));
  decipher.setAuthTag(wrappedKey.subarray(KEY_LENGTH_BYTES));
  try {
    const key = Buffer.concat([decipher.update(wrappedKey.subarray(0, KEY_LENGTH_BYTES)), decipher.final()]);
    return { objectId, objectKey: new ObjectKey(key), plainBytes };
  } catch (cause) {
    const message = "Unwrap object key failed: got a header that was changed or is of another object or cluster";
    throw new FormatError("key_not_unwrapped", message, { cause });
  }
}

function fixedBytes(fields: Pick<SingleHeader, "kekGeneration" | "objectId" | "plainBytes">): Buffer {
  const fixed = Buffer.alloc(FIXED_BYTES);
  fixed.writeUInt8(FORMAT_VERSION, 0);
  fixed.writeUInt8(KIND.single, 1);
  fixed.writeUInt16BE(fields.kekGeneration, 2);
  fixed.set(fields.objectId, 4);
  fixed.writeBigUInt64BE(BigInt(fields.plainBytes), 20);
  return fixed;
}

function malformed(got: string): FormatError {
  return new FormatError("header_malformed", `Parse header failed: got ${got}, wanted a header of version 1`);
}
