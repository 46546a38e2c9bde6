import { createHash, createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import { KEY_LENGTH_BYTES, Secret } from "@constellation/keys";

/** A key encryption key: a generation of the key service's `object-kek/v1`. */
export class ObjectKek extends Secret {
  readonly role = "object-kek";
}

/** The key of one object, or of one multipart upload, from which the keys of its segments come. */
export class ObjectKey extends Secret {
  readonly role = "object-key";
}

/** The key of one segment: every one encrypts a single sequence of chunks. */
export class SegmentKey extends Secret {
  readonly role = "segment-key";
}

/** Where an object is: what its key is bound to. */
export interface ObjectName {
  readonly bucket: string;
  readonly key: string;
}

/** The KEK of new objects, and the generation to remember with them. */
export interface CurrentKek {
  readonly generation: number;
  readonly key: ObjectKek;
}

/** Gives KEKs by generation. */
export interface KekSource {
  current(): Promise<CurrentKek>;
  /** @throws FormatError `kek_generation_unknown` for those that never were current */
  get(generation: number): Promise<ObjectKek>;
}

const LABEL = "constellation s3proxy v1";

/** Bucket and key with their lengths before them, so that no two names have the same bytes. */
export function nameBytes({ bucket, key }: ObjectName): Buffer {
  return Buffer.concat([bucket, key].flatMap((text) => withLength(Buffer.from(text, "utf8"))));
}

/** Derives the key that wraps one object's key; the random object ID in it lifts GCM's bound on random nonces. */
export function wrappingKey(kek: ObjectKek, objectId: Uint8Array): KeyObject {
  return createSecretKey(derive(kek, objectId, "wrap", Buffer.alloc(0)));
}

/** Derives the key of a multipart upload. The store picks upload IDs: nothing may rest on their being unique. */
export function uploadKey(kek: ObjectKek, uploadDigest: Uint8Array, name: ObjectName): ObjectKey {
  return new ObjectKey(derive(kek, uploadDigest, "upload", nameBytes(name)));
}

/** Identifies an upload in derivations and leaders. */
export function uploadDigest(uploadId: string): Buffer {
  return createHash("sha256").update(uploadId, "utf8").digest();
}

/** Derives the key of an object's only segment. */
export function singleKey(objectKey: ObjectKey, objectId: Uint8Array): SegmentKey {
  return new SegmentKey(derive(objectKey, objectId, "single", Buffer.alloc(0)));
}

/** Derives the key of one upload of one part: the salt is new each time a part is sent. */
export function partKey(key: ObjectKey, salt: Uint8Array, partNumber: number): SegmentKey {
  return new SegmentKey(derive(key, salt, "part", Buffer.from([partNumber >> 8, partNumber & 0xff])));
}

/** Derives the key of a manifest: the salt is new at each completion. */
export function manifestKey(key: ObjectKey, salt: Uint8Array): SegmentKey {
  return new SegmentKey(derive(key, salt, "manifest", Buffer.alloc(0)));
}

function derive(from: Secret, salt: Uint8Array, purpose: string, context: Buffer): Buffer {
  const info = Buffer.concat([Buffer.from(`${LABEL} ${purpose}\0`, "latin1"), context]);
  // node:crypto tells bytes from a key by a call that throws, which costs more than all else here.
  const key = createSecretKey(from.reveal());
  return Buffer.from(hkdfSync("sha256", key, salt, info, KEY_LENGTH_BYTES));
}

function withLength(bytes: Buffer): Buffer[] {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return [length, bytes];
}
