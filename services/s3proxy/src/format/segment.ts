import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import type { ByteReader } from "./byte-reader.ts";
import { FormatError } from "./error.ts";
import type { SegmentKey } from "./keys.ts";
import { CHUNK_BYTES, chunkCount, TAG_BYTES } from "./sizes.ts";

/** A sequence of chunks under one key. */
export interface Segment {
  readonly key: SegmentKey;
  /** Bound to every chunk. */
  readonly associatedData: Uint8Array;
  readonly plainBytes: number;
}

/**
 * Encrypts a segment chunk by chunk (STREAM, Hoang and others 2015): counter and last-chunk flag are in the nonce, so
 * no chunk can be moved, doubled or left out, and the end can't be cut off. The last chunk comes only when the source
 * has ended without an error: what refuses a body late leaves a segment that nothing accepts.
 * @throws FormatError `plaintext_length` if the source is longer or shorter than `plainBytes`
 */
export async function* sealSegment(source: AsyncIterable<Uint8Array>, segment: Segment): AsyncGenerator<Buffer> {
  const { plainBytes } = segment;
  const sealer = new ChunkSealer(segment);
  let total = 0;
  for await (const piece of source) {
    total += piece.length;
    if (total > plainBytes) throw lengthError(`more than ${plainBytes}`, plainBytes);
    for (let at = 0; at < piece.length; ) {
      at += sealer.add(piece.subarray(at));
      if (sealer.full && !sealer.last) yield* sealer.finish();
    }
  }
  if (total !== plainBytes) throw lengthError(`${total}`, plainBytes);
  yield* sealer.finish();
}

/** Encrypts a segment that is in memory. */
export function sealBytes(bytes: Uint8Array, key: SegmentKey, associatedData: Uint8Array): Buffer {
  const sealer = new ChunkSealer({ key, associatedData, plainBytes: bytes.length });
  const pieces: Buffer[] = [];
  for (let index = 0; index < chunkCount(bytes.length); index += 1) {
    sealer.add(bytes.subarray(index * CHUNK_BYTES));
    pieces.push(...sealer.finish());
  }
  return Buffer.concat(pieces);
}

/**
 * Decrypts chunks `first` to `last` of a segment. A chunk comes out only after its tag was checked.
 * @throws FormatError `chunk_refused`, `truncated`
 */
export async function* openChunks(
  reader: ByteReader,
  segment: Segment,
  first: number,
  last: number,
): AsyncGenerator<Buffer> {
  const key = createSecretKey(segment.key.reveal());
  const sealed = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, segment.plainBytes) + TAG_BYTES);
  for (let index = first; index <= last; index += 1) {
    const chunk = sealed.subarray(0, chunkBytes(segment, index) + TAG_BYTES);
    await reader.fill(chunk);
    yield openChunk(chunk, segment, key, index);
  }
}

function openChunk(sealed: Buffer, segment: Segment, key: KeyObject, index: number): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(segment, index));
  decipher.setAAD(segment.associatedData);
  const plain = decipher.update(sealed.subarray(0, -TAG_BYTES));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    decipher.final();
  } catch (cause) {
    plain.fill(0);
    throw new FormatError("chunk_refused", `Open chunk failed: got a wrong tag in chunk ${index}`, { cause });
  }
  return plain;
}

/** Collects plaintext until a chunk of it is there: one call to encrypt it is cheaper than many. */
class ChunkSealer {
  readonly #segment: Segment;
  readonly #key: KeyObject;
  readonly #plain: Buffer;
  #index = 0;
  #at = 0;

  constructor(segment: Segment) {
    this.#segment = segment;
    this.#key = createSecretKey(segment.key.reveal());
    this.#plain = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, segment.plainBytes));
  }

  get full(): boolean {
    return this.#at === chunkBytes(this.#segment, this.#index);
  }

  /** Whether this chunk is the segment's last. */
  get last(): boolean {
    return this.#index === chunkCount(this.#segment.plainBytes) - 1;
  }

  /** Takes what fits and says how much that was. */
  add(piece: Uint8Array): number {
    const taken = piece.subarray(0, chunkBytes(this.#segment, this.#index) - this.#at);
    this.#plain.set(taken, this.#at);
    this.#at += taken.length;
    return taken.length;
  }

  /** The sealed chunk, as ciphertext and tag; what is added then is of the next chunk. */
  finish(): readonly [Buffer, Buffer] {
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonceOf(this.#segment, this.#index));
    cipher.setAAD(this.#segment.associatedData);
    const sealed = cipher.update(this.#plain.subarray(0, this.#at));
    cipher.final();
    this.#index += 1;
    this.#at = 0;
    return [sealed, cipher.getAuthTag()];
  }
}

/** Plaintext bytes of a chunk. */
function chunkBytes({ plainBytes }: Segment, index: number): number {
  return Math.min(CHUNK_BYTES, plainBytes - index * CHUNK_BYTES);
}

/** Seven zero bytes (the key is of this segment alone), the counter, 1 for the last chunk. */
function nonceOf({ plainBytes }: Segment, index: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index, 7);
  nonce[11] = index === chunkCount(plainBytes) - 1 ? 1 : 0;
  return nonce;
}

function lengthError(got: string, wanted: number): FormatError {
  return new FormatError("plaintext_length", `Seal segment failed: got ${got} bytes, wanted ${wanted}`);
}
