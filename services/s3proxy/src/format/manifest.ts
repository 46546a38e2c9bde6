import { randomBytes } from "node:crypto";
import type { ByteReader } from "./byte-reader.ts";
import { FormatError } from "./error.ts";
import { type KekSource, manifestKey, type ObjectKey, type ObjectName, uploadDigest, uploadKey } from "./keys.ts";
import { FORMAT_VERSION, KIND } from "./object-header.ts";
import { MAX_PARTS, PART_SALT_BYTES, type PartIdentity } from "./part.ts";
import { openChunks, sealBytes } from "./segment.ts";
import { CHUNK_BYTES, chunkCount, leaderLength, MIN_PART_BYTES, multipartSealedLength, sealedLength } from "./sizes.ts";

/** A part of a finished multipart object. */
export interface ManifestPart {
  readonly partNumber: number;
  readonly plainBytes: number;
  /** Which upload of the part was meant; undefined if whoever completed only had the store's word for it. */
  readonly identity: PartIdentity | undefined;
}

/** What a leader says, after it was checked. */
export interface Manifest {
  readonly parts: readonly ManifestPart[];
  readonly plainBytes: number;
  readonly leaderBytes: number;
  /** Key of the upload's parts under a generation of the KEK. */
  keyOf(kekGeneration: number): Promise<ObjectKey>;
}

const DIGEST_BYTES = 32;
const SALT_BYTES = 32;
const ENTRY_BYTES = 2 + 8 + 1 + 2 + PART_SALT_BYTES;

/** Bytes before the sealed manifest: version, kind, KEK generation, upload digest, salt, number of parts. */
const LEADER_HEADER_BYTES = 4 + DIGEST_BYTES + SALT_BYTES + 2;
/** How much of a multipart object holds its leader's header and manifest, however so many bytes were divided. */
export function leaderReadBytes(plainBytes: number): number {
  const parts = Math.min(Math.floor(plainBytes / MIN_PART_BYTES) + 1, MAX_PARTS);
  return LEADER_HEADER_BYTES + sealedLength(parts * ENTRY_BYTES);
}

/** The leader of a multipart object: what is in it, and how many bytes with the zeros behind that. */
export interface Leader {
  readonly head: Buffer;
  readonly lengthBytes: number;
}

/** Makes the leader of a multipart object, the store's first part: header, sealed manifest, zeros. */
export async function sealLeader(
  uploadId: string,
  name: ObjectName,
  parts: readonly ManifestPart[],
  keks: KekSource,
): Promise<Leader> {
  const digest = uploadDigest(uploadId);
  const { generation, key: kek } = await keks.current();
  const key = uploadKey(kek, digest, name);
  const salt = randomBytes(SALT_BYTES);
  const header = Buffer.alloc(LEADER_HEADER_BYTES);
  header.writeUInt8(FORMAT_VERSION, 0);
  header.writeUInt8(KIND.multipart, 1);
  header.writeUInt16BE(generation, 2);
  header.set(digest, 4);
  header.set(salt, 4 + DIGEST_BYTES);
  header.writeUInt16BE(parts.length, LEADER_HEADER_BYTES - 2);
  const sealed = sealBytes(Buffer.concat(parts.map(entryBytes)), manifestKey(key, salt), header);
  const lengthBytes = leaderLength(parts.map(({ plainBytes }) => plainBytes));
  return { head: Buffer.concat([header, sealed]), lengthBytes };
}

/**
 * Opens the leader of a multipart object.
 * @param sealedBytes length of the whole object in the store
 * @throws FormatError `header_malformed`, `chunk_refused`, `manifest_refused`, `truncated`
 */
export async function openLeader(
  reader: ByteReader,
  name: ObjectName,
  sealedBytes: number,
  keks: KekSource,
): Promise<{ readonly manifest: Manifest; readonly readBytes: number }> {
  const header = await reader.read(LEADER_HEADER_BYTES);
  if (header[0] !== FORMAT_VERSION || header[1] !== KIND.multipart) {
    throw new FormatError("header_malformed", "Open leader failed: got no leader of version 1");
  }
  const digest = header.subarray(4, 4 + DIGEST_BYTES);
  const count = header.readUInt16BE(LEADER_HEADER_BYTES - 2);
  if (count < 1 || count > MAX_PARTS) throw refused(`${count} parts`, `1 to ${MAX_PARTS}`);
  const keyOf = async (generation: number): Promise<ObjectKey> => uploadKey(await keks.get(generation), digest, name);
  const key = await keyOf(header.readUInt16BE(2));
  const plainBytes = count * ENTRY_BYTES;
  const segmentKey = manifestKey(key, header.subarray(4 + DIGEST_BYTES, LEADER_HEADER_BYTES - 2));
  const segment = { key: segmentKey, associatedData: header, plainBytes };
  const chunks: Buffer[] = [];
  for await (const chunk of openChunks(reader, segment, 0, chunkCount(plainBytes) - 1)) chunks.push(chunk);
  const manifest = { ...parseManifest(Buffer.concat(chunks), sealedBytes), keyOf };
  return { manifest, readBytes: LEADER_HEADER_BYTES + sealedLength(plainBytes) };
}

/** The bytes of a leader, piece by piece. */
export function* leaderBytes({ head, lengthBytes }: Leader): Generator<Uint8Array> {
  yield head;
  const zeros = new Uint8Array(CHUNK_BYTES);
  for (let left = lengthBytes - head.length; left > 0; left -= zeros.length) yield zeros.subarray(0, left);
}

/** Checks what the parts of an object may be. @throws FormatError `manifest_refused` */
function validateParts(parts: readonly Pick<ManifestPart, "partNumber" | "plainBytes">[]): void {
  if (parts.length < 1 || parts.length > MAX_PARTS) throw refused(`${parts.length} parts`, `1 to ${MAX_PARTS}`);
  let before = 0;
  for (const [index, { partNumber, plainBytes }] of parts.entries()) {
    if (partNumber <= before || partNumber > MAX_PARTS)
      throw refused(`part ${partNumber} after ${before}`, "ascending");
    if (index < parts.length - 1 && plainBytes < MIN_PART_BYTES) {
      throw refused(`part ${partNumber} of ${plainBytes} bytes`, `${MIN_PART_BYTES} or more in all but the last`);
    }
    before = partNumber;
  }
}

function parseManifest(bytes: Buffer, sealedBytes: number): Omit<Manifest, "keyOf"> {
  const parts = Array.from({ length: bytes.length / ENTRY_BYTES }, (_, index) =>
    parseEntry(bytes.subarray(index * ENTRY_BYTES, (index + 1) * ENTRY_BYTES)),
  );
  validateParts(parts);
  const plainBytes = parts.reduce((sum, part) => sum + part.plainBytes, 0);
  const wanted = multipartSealedLength(plainBytes);
  if (sealedBytes !== wanted) throw refused(`an object of ${sealedBytes} bytes`, `${wanted}`);
  return { parts, plainBytes, leaderBytes: leaderLength(parts.map((part) => part.plainBytes)) };
}

function entryBytes({ partNumber, plainBytes, identity }: ManifestPart): Buffer {
  const entry = Buffer.alloc(ENTRY_BYTES);
  entry.writeUInt16BE(partNumber, 0);
  entry.writeBigUInt64BE(BigInt(plainBytes), 2);
  if (identity === undefined) return entry;
  entry.writeUInt8(1, 10);
  entry.writeUInt16BE(identity.kekGeneration, 11);
  entry.set(identity.salt, 13);
  return entry;
}

function parseEntry(entry: Buffer): ManifestPart {
  return {
    partNumber: entry.readUInt16BE(0),
    plainBytes: Number(entry.readBigUInt64BE(2)),
    identity: entry[10] === 1 ? { kekGeneration: entry.readUInt16BE(11), salt: entry.subarray(13) } : undefined,
  };
}

function refused(got: string, wanted: string): FormatError {
  return new FormatError("manifest_refused", `Check parts failed: got ${got}, wanted ${wanted}`);
}
