import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { ByteReader } from "./byte-reader.ts";
import { SegmentKey } from "./keys.ts";
import { openChunks, sealBytes, sealSegment, type Segment } from "./segment.ts";
import { CHUNK_BYTES, chunkCount, sealedLength, TAG_BYTES } from "./sizes.ts";

const KEY = new SegmentKey(Uint8Array.from({ length: 32 }, (_, index) => index));
const AAD = Buffer.from("associated");
const STRIDE = CHUNK_BYTES + TAG_BYTES;

test("sealSegment() gives the bytes of its vectors", async () => {
  assert.equal((await seal(Buffer.alloc(0))).toString("hex"), "ef4362009c238471df365fa1afc3e047");
  assert.equal(
    (await seal(Buffer.from("constellation"))).toString("hex"),
    "76b9d18f30915c726f5a3856825fafa3da239162db0c73c170cd87a71d",
  );
  const three = await seal(plaintext(2 * CHUNK_BYTES + 1));
  assert.equal(
    createHash("sha256").update(three).digest("hex"),
    "ff3749fadec87abc7699e50ee11d1777d8ccd8bbeb0a0e4fc8ea946654a0a3d8",
  );
});

for (const bytes of [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES]) {
  test(`openChunks() gives back ${bytes} bytes, in whatever pieces they come`, async () => {
    const plain = plaintext(bytes);
    for (const pieceBytes of [1_000, CHUNK_BYTES, bytes + 100]) {
      const sealed = await seal(plain, pieceBytes);
      assert.equal(sealed.length, sealedLength(bytes));
      assert.deepEqual(await open(sealed, bytes, pieceBytes), plain);
    }
    assert.deepEqual(sealBytes(plain, KEY, AAD), await seal(plain));
  });
}

test("openChunks() refuses every flipped byte", async () => {
  const sealed = await seal(plaintext(300));
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed);
    changed[at]! ^= 1;
    await assert.rejects(open(changed, 300), { code: "chunk_refused" }, `byte ${at}`);
  }
});

test("openChunks() refuses a flipped byte in each chunk of several", async () => {
  const sealed = await seal(plaintext(2 * CHUNK_BYTES + 9));
  for (const at of [0, STRIDE - 1, STRIDE, 2 * STRIDE - 1, 2 * STRIDE, sealed.length - 1]) {
    const changed = Buffer.from(sealed);
    changed[at]! ^= 0x80;
    await assert.rejects(open(changed, 2 * CHUNK_BYTES + 9), { code: "chunk_refused" }, `byte ${at}`);
  }
});

test("openChunks() gives no byte of a chunk that it refuses", async () => {
  const sealed = await seal(plaintext(2 * CHUNK_BYTES));
  sealed[sealed.length - 1]! ^= 1;
  const got: Buffer[] = [];
  const reading = (async () => {
    for await (const chunk of chunksOf(sealed, 2 * CHUNK_BYTES)) got.push(chunk);
  })();
  await assert.rejects(reading, { code: "chunk_refused" });
  assert.deepEqual(Buffer.concat(got), plaintext(CHUNK_BYTES));
});

test("openChunks() refuses a segment that was cut off at a chunk's border, whatever length is claimed", async () => {
  const sealed = await seal(plaintext(3 * CHUNK_BYTES));
  for (const chunks of [1, 2]) {
    const cut = sealed.subarray(0, chunks * STRIDE);
    await assert.rejects(open(cut, 3 * CHUNK_BYTES), { code: "truncated" });
    await assert.rejects(open(cut, chunks * CHUNK_BYTES), { code: "chunk_refused" });
  }
  await assert.rejects(open(Buffer.alloc(0), 0), { code: "truncated" });
});

test("openChunks() refuses chunks that were swapped, doubled or left out", async () => {
  const sealed = await seal(plaintext(4 * CHUNK_BYTES));
  const [a, b, c, d] = [0, 1, 2, 3].map((index) => sealed.subarray(index * STRIDE, (index + 1) * STRIDE));
  for (const order of [
    [b, a, c, d],
    [a, a, c, d],
    [a, c, b, d],
    [a, b, d, d],
    [d, b, c, a],
  ]) {
    await assert.rejects(open(Buffer.concat(order as Buffer[]), 4 * CHUNK_BYTES), { code: "chunk_refused" });
  }
  await assert.rejects(open(Buffer.concat([a!, b!, d!]), 3 * CHUNK_BYTES), { code: "chunk_refused" });
});

test("openChunks() refuses a segment under other associated data or another key", async () => {
  const sealed = await seal(plaintext(10));
  const segment = { key: KEY, associatedData: AAD, plainBytes: 10 };
  for (const other of [
    { ...segment, associatedData: Buffer.from("other") },
    { ...segment, key: new SegmentKey(new Uint8Array(32)) },
  ]) {
    await assert.rejects(collect(openChunks(new ByteReader(pieces(sealed, 7)), other, 0, 0)), {
      code: "chunk_refused",
    });
  }
});

test("sealSegment() refuses a source that is shorter or longer than announced, and then gives no last chunk", async () => {
  for (const [got, announced] of [
    [CHUNK_BYTES + 5, CHUNK_BYTES + 6],
    [CHUNK_BYTES + 7, CHUNK_BYTES + 6],
    [0, 1],
    [1, 0],
  ] as const) {
    const segment: Segment = { key: KEY, associatedData: AAD, plainBytes: announced };
    const out: Buffer[] = [];
    const sealing = (async () => {
      for await (const chunk of sealSegment(pieces(plaintext(got), 1_000), segment)) out.push(chunk);
    })();
    await assert.rejects(sealing, { code: "plaintext_length" });
    assert.ok(Buffer.concat(out).length < sealedLength(announced));
  }
});

test("sealSegment() gives no last chunk when its source fails at the very end", async () => {
  const source = (async function* () {
    yield plaintext(CHUNK_BYTES);
    throw new Error("wrong checksum");
  })();
  const out: Buffer[] = [];
  const sealing = (async () => {
    const segment = { key: KEY, associatedData: AAD, plainBytes: CHUNK_BYTES };
    for await (const chunk of sealSegment(source, segment)) out.push(chunk);
  })();
  await assert.rejects(sealing, /wrong checksum/);
  assert.deepEqual(out, []);
});

function seal(plain: Buffer, pieceBytes = 10_000): Promise<Buffer> {
  const segment = { key: KEY, associatedData: AAD, plainBytes: plain.length };
  return collect(sealSegment(pieces(plain, pieceBytes), segment));
}

function open(sealed: Buffer, plainBytes: number, pieceBytes = 10_000): Promise<Buffer> {
  return collect(chunksOf(sealed, plainBytes, pieceBytes));
}

function chunksOf(sealed: Buffer, plainBytes: number, pieceBytes = 10_000): AsyncGenerator<Buffer> {
  const segment = { key: KEY, associatedData: AAD, plainBytes };
  return openChunks(new ByteReader(pieces(sealed, pieceBytes)), segment, 0, chunkCount(plainBytes) - 1);
}

async function* pieces(bytes: Buffer, pieceBytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

async function collect(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of source) all.push(piece);
  return Buffer.concat(all);
}

function plaintext(bytes: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: bytes }, (_, index) => (index * 7 + (index >> 8)) & 0xff));
}
