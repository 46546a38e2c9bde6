import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { copyWithChangedRoot, parseVeritySuperblock } from "./image-file.ts";
import { CHECKOUT } from "./programs.ts";

const image = join(CHECKOUT, "build/image/constellation.raw");
const skip = existsSync(image) ? false : "there is no node image: make image";

test("copyWithChangedRoot() changes one byte, and mends tree and command line when told to", { skip }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "constellation-e2e-image-"));
  t.after(() => rm(folder, { recursive: true }));
  const copy = join(folder, "changed.raw");
  const before = await copyWithChangedRoot(image, copy, false);
  assert.deepEqual(await differences(image, copy), 1);
  const after = await copyWithChangedRoot(image, copy, true);
  assert.notEqual(before, after);
  const bytes = await differences(image, copy);
  // The byte, a hash on each of three levels, the root hash in hexadecimal, and in both partition tables two UUIDs and
  // two checksums.
  assert.ok(bytes > 128 && bytes <= 1 + 3 * 32 + 64 + 2 * (2 * 16 + 2 * 4), `got ${bytes} changed bytes`);
});

test("parseVeritySuperblock() finds where each level of the tree begins, lowest first", () => {
  const bytes = Buffer.alloc(512);
  bytes.write("verity\0\0", 0, "latin1");
  bytes.write("sha256", 32, "latin1");
  bytes.writeUInt32LE(4096, 64);
  bytes.writeUInt32LE(4096, 68);
  bytes.writeBigUInt64LE(229175n, 72);
  bytes.writeUInt16LE(32, 80);
  const { salt, firstHashBlocks } = parseVeritySuperblock(bytes);
  assert.equal(salt.length, 32);
  assert.deepEqual(firstHashBlocks, [1 + 1 + 14, 1 + 1, 1]);
});

async function differences(first: string, second: string): Promise<number> {
  const [a, b] = [await open(first), await open(second)];
  const [x, y] = [Buffer.alloc(1024 * 1024), Buffer.alloc(1024 * 1024)];
  let count = 0;
  for (let at = 0; ; at += x.length) {
    const sizes = [(await a.read(x, 0, x.length, at)).bytesRead, (await b.read(y, 0, y.length, at)).bytesRead];
    assert.equal(sizes[0], sizes[1]);
    if (sizes[0] === 0) break;
    if (!x.equals(y)) count += x.filter((byte, index) => byte !== y[index]).length;
  }
  await Promise.all([a.close(), b.close()]);
  return count;
}
