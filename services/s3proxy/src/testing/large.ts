import { createCipheriv } from "node:crypto";

const KEY = Buffer.alloc(32, 7);
const PIECE_BYTES = 262_144;
const BLOCK_BYTES = 16;

/** Bytes `start` to `end` (not included) of an endless text that can be begun anywhere: AES in counter mode. */
export function* endless(start: number, end: number): Generator<Buffer> {
  const block = Math.floor(start / BLOCK_BYTES);
  const counter = Buffer.alloc(BLOCK_BYTES);
  counter.writeBigUInt64BE(BigInt(block), 8);
  const cipher = createCipheriv("aes-256-ctr", KEY, counter);
  cipher.update(Buffer.alloc(start - block * BLOCK_BYTES));
  for (let at = start; at < end; at += PIECE_BYTES) yield cipher.update(Buffer.alloc(Math.min(PIECE_BYTES, end - at)));
}

/** Compares what comes with the endless text from `start` on; gives how many bytes were equal, all of them. */
export async function requireEndless(source: AsyncIterable<Uint8Array>, start: number, bytes: number): Promise<void> {
  const wanted = endless(start, start + bytes);
  let rest: Buffer = Buffer.alloc(0);
  let total = 0;
  for await (const piece of source) {
    const got = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    total += got.length;
    for (let at = 0; at < got.length; ) {
      if (rest.length === 0) rest = wanted.next().value ?? Buffer.alloc(0);
      const count = Math.min(rest.length, got.length - at);
      if (count === 0 || got.compare(rest, 0, count, at, at + count) !== 0) {
        throw new Error(`Compare failed: got other bytes before ${start + total}`);
      }
      rest = rest.subarray(count);
      at += count;
    }
  }
  if (total !== bytes) throw new Error(`Compare failed: got ${total} bytes, wanted ${bytes}`);
}
