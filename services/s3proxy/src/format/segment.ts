import { createCipheriv, createDecipheriv } from "node:crypto";
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
  let sealer = new ChunkSealer(segment, 0);
  let total = 0;
  for await (const piece of source) {
    total += piece.length;
    if (total > plainBytes) throw lengthError(`more than ${plainBytes}`, plainBytes);
    for (let at = 0; at < piece.length; ) {
      if (sealer.full) {
        yield sealer.finish();
        sealer = new ChunkSealer(segment, sealer.index + 1);
      }
      at += sealer.add(piece.subarray(at));
    }
  }
  if (total !== plainBytes) throw lengthError(`${total}`, plainBytes);
  yield sealer.finish();
}

/** Encrypts a segment that is in memory. */
export function sealBytes(bytes: Uint8Array, key: SegmentKey, associatedData: Uint8Array): Buffer {
  const segment = { key, associatedData, plainBytes: bytes.length };
  const chunks = Array.from({ length: chunkCount(bytes.length) }, (_, index) => {
    const sealer = new ChunkSealer(segment, index);
    sealer.add(bytes.subarray(index * CHUNK_BYTES));
    return sealer.finish();
  });
  return Buffer.concat(chunks);
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
  for (let index = first; index <= last; index += 1) yield await openChunk(reader, segment, index);
}

async function openChunk(reader: ByteReader, segment: Segment, index: number): Promise<Buffer> {
  const plain = Buffer.allocUnsafeSlow(chunkBytes(segment, index));
  const decipher = createDecipheriv("aes-256-gcm", segment.key.reveal(), nonceOf(segment, index));
  decipher.setAAD(segment.associatedData);
  let at = 0;
  for (let piece = reader.buffered(plain.length - at); at < plain.length; piece = reader.buffered(plain.length - at)) {
    if (piece.length === 0) await reader.more();
    else at += decipher.update(piece).copy(plain, at);
  }
  decipher.setAuthTag(await reader.read(TAG_BYTES));
  try {
    decipher.final();
  } catch (cause) {
    plain.fill(0);
    throw new FormatError("chunk_refused", `Open chunk failed: got a wrong tag in chunk ${index}`, { cause });
  }
  return plain;
}

class ChunkSealer {
  readonly index: number;
  readonly #out: Buffer;
  readonly #plainBytes: number;
  readonly #cipher;
  #at = 0;

  constructor(segment: Segment, index: number) {
    this.index = index;
    this.#plainBytes = chunkBytes(segment, index);
    this.#out = Buffer.allocUnsafeSlow(this.#plainBytes + TAG_BYTES);
    this.#cipher = createCipheriv("aes-256-gcm", segment.key.reveal(), nonceOf(segment, index));
    this.#cipher.setAAD(segment.associatedData);
  }

  get full(): boolean {
    return this.#at === this.#plainBytes;
  }

  /** Takes what fits and says how much that was. */
  add(piece: Uint8Array): number {
    const taken = piece.subarray(0, this.#plainBytes - this.#at);
    this.#at += this.#cipher.update(taken).copy(this.#out, this.#at);
    return taken.length;
  }

  finish(): Buffer {
    this.#cipher.final();
    this.#cipher.getAuthTag().copy(this.#out, this.#plainBytes);
    return this.#out;
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
