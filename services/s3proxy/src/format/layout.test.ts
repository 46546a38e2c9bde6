import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fixedKeks } from "../testing/proxy.ts";
import { ByteReader } from "./byte-reader.ts";
import { uploadDigest, uploadKey } from "./keys.ts";
import {
  type ByteRange,
  headerNeeded,
  type Layout,
  multipartLayout,
  planRange,
  singleLayout,
  singleSegment,
} from "./layout.ts";
import { leaderBytes, type ManifestPart, openLeader, sealLeader } from "./manifest.ts";
import { newObject } from "./object-header.ts";
import { newPart, partHeader, partSegment } from "./part.ts";
import { sealBytes } from "./segment.ts";
import { CHUNK_BYTES, MIN_PART_BYTES, PART_HEADER_BYTES } from "./sizes.ts";

const NAME = { bucket: "bucket", key: "key" };
const UPLOAD = "upload-1";
const keks = fixedKeks(2);

interface Built {
  readonly plain: Buffer;
  readonly stored: Buffer;
  readonly layout: Layout;
}

test("planRange() finds any range of an object of one segment", async () => {
  const plain = plaintext(3 * CHUNK_BYTES + 77);
  const object = newObject(plain.length);
  const { key, associatedData } = singleSegment(object);
  const stored = sealBytes(plain, key, associatedData);
  await rangesHold({ plain, stored, layout: singleLayout(object, stored.length) }, 60);
});

test("singleLayout() refuses a stored length that is not the object's", () => {
  const object = newObject(CHUNK_BYTES * 2);
  for (const sealed of [0, CHUNK_BYTES + 16, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 33]) {
    assert.throws(() => singleLayout(object, sealed), { code: "size_impossible" });
  }
});

test("planRange() finds any range of a multipart object", async () => {
  await rangesHold(await multipart([MIN_PART_BYTES, MIN_PART_BYTES + 5, 100]), 40);
});

test("planRange() finds any range where the manifest does not name the uploads of parts", async () => {
  await rangesHold(await multipart([MIN_PART_BYTES, MIN_PART_BYTES + 5, 100], { pinned: false }), 20);
});

test("planRange() reads an empty object, and an empty last part", async () => {
  for (const parts of [[0], [MIN_PART_BYTES, 0]]) {
    const built = await multipart(parts);
    assert.deepEqual(await read(built, { start: 0, end: built.plain.length - 1 }), built.plain);
  }
});

test("planRange() of a multipart object refuses parts in another order, other uploads of a part, and parts of others", async () => {
  const sizes = [MIN_PART_BYTES, MIN_PART_BYTES, MIN_PART_BYTES];
  const good = await multipart(sizes);
  const again = await multipart(sizes);
  const elsewhere = await multipart(sizes, { upload: "upload-2" });
  const whole = { start: 0, end: good.plain.length - 1 };
  const [first, second, third] = good.layout.segments.map(({ offset }, index, all) =>
    good.stored.subarray(offset, all[index + 1]?.offset),
  );
  const leader = good.stored.subarray(0, good.layout.segments[0]!.offset);
  for (const parts of [
    [second!, first!, third!],
    [first!, first!, third!],
    [first!, again.stored.subarray(good.layout.segments[1]!.offset, good.layout.segments[2]!.offset), third!],
    [first!, elsewhere.stored.subarray(good.layout.segments[1]!.offset, good.layout.segments[2]!.offset), third!],
  ]) {
    const stored = Buffer.concat([leader, ...parts]);
    await assert.rejects(read({ ...good, stored }, whole), { code: "part_mismatch" });
  }
});

test("planRange() of a multipart object refuses parts of another number even where uploads are not named", async () => {
  const sizes = [MIN_PART_BYTES, MIN_PART_BYTES, 10];
  const good = await multipart(sizes, { pinned: false });
  const [first, second, third] = good.layout.segments.map(({ offset }, index, all) =>
    good.stored.subarray(offset, all[index + 1]?.offset),
  );
  const leader = good.stored.subarray(0, good.layout.segments[0]!.offset);
  const stored = Buffer.concat([leader, second!, first!, third!]);
  await assert.rejects(read({ ...good, stored }, { start: 0, end: good.plain.length - 1 }), { code: "chunk_refused" });
});

test("planRange() refuses a changed byte of a part's header", async () => {
  for (const pinned of [true, false]) {
    const good = await multipart([MIN_PART_BYTES, 10], { pinned });
    const { offset } = good.layout.segments[1]!;
    for (let at = 0; at < PART_HEADER_BYTES; at += 1) {
      const stored = Buffer.from(good.stored);
      stored[offset + at]! ^= 1;
      await assert.rejects(read({ ...good, stored }, { start: MIN_PART_BYTES, end: MIN_PART_BYTES + 9 }), {
        name: "FormatError",
      });
    }
  }
});

test("openLeader() refuses every flipped byte of header and manifest", async () => {
  const { stored } = await multipart([MIN_PART_BYTES, 10]);
  const usedBytes = 70 + 2 * 29 + 16;
  for (let at = 0; at < usedBytes; at += 1) {
    const changed = Buffer.from(stored.subarray(0, 4_096));
    changed[at]! ^= 1;
    await assert.rejects(openLeader(reader(changed), NAME, stored.length, keks), { name: "FormatError" }, `${at}`);
  }
});

test("openLeader() refuses an object of another length, of another name, and one that was cut off", async () => {
  const { stored } = await multipart([MIN_PART_BYTES, 10]);
  const open = (bytes: Buffer, name = NAME, length = stored.length) => openLeader(reader(bytes), name, length, keks);
  await assert.rejects(open(stored, NAME, stored.length - 1), { code: "manifest_refused" });
  await assert.rejects(open(stored, { bucket: "bucket", key: "other" }), { code: "chunk_refused" });
  await assert.rejects(open(stored, { bucket: "other", key: "key" }), { code: "chunk_refused" });
  for (const bytes of [0, 69, 70, 100]) {
    await assert.rejects(open(stored.subarray(0, bytes)), { code: "truncated" });
  }
});

async function rangesHold(built: Built, runs: number): Promise<void> {
  const last = built.plain.length - 1;
  const borders = built.layout.segments.flatMap(({ plainStart }) => [
    plainStart - 1,
    plainStart,
    plainStart + CHUNK_BYTES,
  ]);
  const position = fc.oneof(
    fc.integer({ min: 0, max: last }),
    fc.constantFrom(0, last, ...borders.filter((at) => at >= 0 && at <= last)),
  );
  await fc.assert(
    fc.asyncProperty(position, position, async (a, b) => {
      const range = { start: Math.min(a, b), end: Math.max(a, b) };
      const got = await read(built, range);
      assert.ok(got.equals(built.plain.subarray(range.start, range.end + 1)), JSON.stringify(range));
    }),
    { numRuns: runs },
  );
}

async function read({ stored, layout }: Built, range: ByteRange): Promise<Buffer> {
  const wanted = headerNeeded(layout, range);
  const header = wanted === undefined ? undefined : stored.subarray(wanted.start, wanted.end + 1);
  const plan = planRange(layout, range, header);
  const all: Buffer[] = [];
  const source = reader(stored.subarray(plan.stored.start, plan.stored.end + 1));
  for await (const chunk of plan.open(source)) all.push(chunk);
  return Buffer.concat(all);
}

async function multipart(
  sizes: readonly number[],
  { pinned = true, upload = UPLOAD }: { pinned?: boolean; upload?: string } = {},
): Promise<Built> {
  const plain = plaintext(sizes.reduce((sum, bytes) => sum + bytes, 0));
  const key = uploadKey(await keks.get(2), uploadDigest(upload), NAME);
  let at = 0;
  const parts: ManifestPart[] = [];
  const bodies = sizes.map((plainBytes, index) => {
    const identity = newPart(2);
    const { key: segmentKey, associatedData } = partSegment(key, identity, index + 1, plainBytes);
    parts.push({ partNumber: index + 1, plainBytes, identity: pinned ? identity : undefined });
    const piece = plain.subarray(at, at + plainBytes);
    at += plainBytes;
    return Buffer.concat([partHeader(identity), sealBytes(piece, segmentKey, associatedData)]);
  });
  const leader = await sealLeader(upload, NAME, parts, keks);
  const stored = Buffer.concat([...leaderBytes(leader), ...bodies]);
  const { manifest } = await openLeader(reader(stored), NAME, stored.length, keks);
  return { plain, stored, layout: multipartLayout(manifest, stored.length) };
}

function reader(bytes: Buffer): ByteReader {
  return new ByteReader(
    (async function* () {
      for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
    })(),
  );
}

function plaintext(bytes: number): Buffer {
  const out = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) out.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at);
  return out;
}
