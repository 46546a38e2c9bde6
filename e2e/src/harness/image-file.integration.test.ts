import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
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
  const [plain, mended] = [join(folder, "plain.raw"), join(folder, "mended.raw")];
  const before = await copyWithChangedRoot(image, plain, false);
  const after = await copyWithChangedRoot(image, mended, true);
  assert.notEqual(before, after);
  assert.deepEqual(await differences(image, plain), 1);
  const bytes = await differences(image, mended);
  assert.ok(bytes > 1 && bytes < 1 + 5 * 32 + 64, `got ${bytes} changed bytes`);
  await assert.rejects(copyWithChangedRoot(plain, join(folder, "again.raw"), true), { code: "image" });
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
  const [a, b] = [await readFile(first), await readFile(second)];
  assert.equal(a.length, b.length);
  const chunk = 1024 * 1024;
  let count = 0;
  for (let at = 0; at < a.length; at += chunk) {
    const [x, y] = [a.subarray(at, at + chunk), b.subarray(at, at + chunk)];
    if (x.equals(y)) continue;
    for (let index = 0; index < x.length; index += 1) count += x[index] === y[index] ? 0 : 1;
  }
  return count;
}
