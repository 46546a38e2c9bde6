/** Plaintext bytes of each chunk but the last. */
export const CHUNK_BYTES = 65_536;
/** GCM tag after each chunk. */
export const TAG_BYTES = 16;
/** Stored bytes of each chunk but the last. */
export const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;
/** What stands before the chunks of a part: version, kind, KEK generation, salt. */
export const PART_HEADER_BYTES = 20;
/** Parts but the last are at least this long, in S3 and here: the size of multipart objects rests on it. */
export const MIN_PART_BYTES = 5_242_880;

const LEADER_BASE_BYTES = MIN_PART_BYTES + 64;
const MULTIPART_CHUNK_OVERHEAD_BYTES = TAG_BYTES + 1;

/** Chunks of a segment: an empty one has one, so that its end is authenticated too. */
export function chunkCount(plainBytes: number): number {
  return Math.max(1, Math.ceil(plainBytes / CHUNK_BYTES));
}

/** Stored length of a segment: the whole of an object that was put in one request. */
export function sealedLength(plainBytes: number): number {
  return plainBytes + TAG_BYTES * chunkCount(plainBytes);
}

/** Inverse of `sealedLength`; undefined for lengths that no segment has. */
export function plainLength(sealedBytes: number): number | undefined {
  const plain = sealedBytes - TAG_BYTES * Math.max(1, Math.ceil(sealedBytes / SEALED_CHUNK_BYTES));
  return plain >= 0 && sealedLength(plain) === sealedBytes ? plain : undefined;
}

/** Stored length of a part. */
export function sealedPartLength(plainBytes: number): number {
  return PART_HEADER_BYTES + sealedLength(plainBytes);
}

/** Inverse of `sealedPartLength`. */
export function plainPartLength(sealedBytes: number): number | undefined {
  return plainLength(sealedBytes - PART_HEADER_BYTES);
}

/**
 * Stored length of a multipart object, leader included. It depends on the plaintext's length alone, not on the parts:
 * the leader's padding makes up the difference, and so a listing can show true sizes.
 */
export function multipartSealedLength(plainBytes: number): number {
  return LEADER_BASE_BYTES + plainBytes + MULTIPART_CHUNK_OVERHEAD_BYTES * Math.ceil(plainBytes / CHUNK_BYTES);
}

/** Inverse of `multipartSealedLength`; undefined for lengths that no multipart object has. */
export function multipartPlainLength(sealedBytes: number): number | undefined {
  const rest = sealedBytes - LEADER_BASE_BYTES;
  const chunks = Math.ceil(rest / (CHUNK_BYTES + MULTIPART_CHUNK_OVERHEAD_BYTES));
  const plain = rest - MULTIPART_CHUNK_OVERHEAD_BYTES * chunks;
  return rest >= 0 && plain >= 0 && multipartSealedLength(plain) === sealedBytes ? plain : undefined;
}

/**
 * Length of the leader that makes a multipart object as long as `multipartSealedLength` says. At least `MIN_PART_BYTES`
 * if all parts but the last are: each of them saves more by the 17th byte per chunk than its header and its broken
 * chunk cost.
 */
export function leaderLength(partPlainBytes: readonly number[]): number {
  const plain = partPlainBytes.reduce((sum, bytes) => sum + bytes, 0);
  const parts = partPlainBytes.reduce((sum, bytes) => sum + sealedPartLength(bytes), 0);
  return multipartSealedLength(plain) - parts;
}
