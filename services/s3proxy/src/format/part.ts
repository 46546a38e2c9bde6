import { randomBytes } from "node:crypto";
import { FormatError } from "./error.ts";
import { type ObjectKey, partKey } from "./keys.ts";
import { FORMAT_VERSION, KIND } from "./object-header.ts";
import type { Segment } from "./segment.ts";
import { PART_HEADER_BYTES } from "./sizes.ts";

/** One upload of a part, as its header and the manifest name it. */
export interface PartIdentity {
  readonly kekGeneration: number;
  /** 16 random bytes, new each time a part is sent. */
  readonly salt: Uint8Array;
}

export const PART_SALT_BYTES = 16;
/** Parts a client may have: the store's first part is the leader. */
export const MAX_PARTS = 9_999;

/** Makes the identity of a part that is sent now. */
export function newPart(kekGeneration: number): PartIdentity {
  return { kekGeneration, salt: randomBytes(PART_SALT_BYTES) };
}

/** The 20 bytes before a part's chunks: version, kind, KEK generation, salt. */
export function partHeader({ kekGeneration, salt }: PartIdentity): Buffer {
  const header = Buffer.alloc(PART_HEADER_BYTES);
  header.writeUInt8(FORMAT_VERSION, 0);
  header.writeUInt8(KIND.part, 1);
  header.writeUInt16BE(kekGeneration, 2);
  header.set(salt, 4);
  return header;
}

/** Parses a part's header. @throws FormatError `header_malformed` */
export function parsePartHeader(bytes: Buffer): PartIdentity {
  if (bytes.length !== PART_HEADER_BYTES || bytes[0] !== FORMAT_VERSION || bytes[1] !== KIND.part) {
    throw new FormatError("header_malformed", `Parse part failed: got header "${bytes.toString("hex")}"`);
  }
  return { kekGeneration: bytes.readUInt16BE(2), salt: bytes.subarray(4) };
}

/** The segment of a part: its header and its number are bound to each chunk, bucket, key and upload by the key. */
export function partSegment(key: ObjectKey, part: PartIdentity, partNumber: number, plainBytes: number): Segment {
  const number = Buffer.from([partNumber >> 8, partNumber & 0xff]);
  const associatedData = Buffer.concat([partHeader(part), number]);
  return { key: partKey(key, part.salt, partNumber), associatedData, plainBytes };
}
