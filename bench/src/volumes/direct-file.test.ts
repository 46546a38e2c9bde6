import assert from "node:assert/strict";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openDirect } from "./direct-file.ts";

const MIB = 1024 * 1024;

test("openDirect() reads and writes past the page cache, and says when there is less", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "bench-direct-"));
  context.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "file");
  const file = await open(path, "wx");
  await file.truncate(2 * MIB);
  await file.close();
  const direct = openDirect(path, MIB);
  try {
    direct.write(MIB, MIB);
    direct.flush();
    direct.read(0, 4096);
    direct.read(MIB, MIB);
    assert.throws(() => direct.read(2 * MIB, 4096), /got 0 bytes, wanted 4096/);
  } finally {
    direct.close();
  }
  const bytes = await readFile(path);
  assert.ok(bytes.subarray(0, MIB).every((byte) => byte === 0));
  assert.ok(new Set(bytes.subarray(MIB, MIB + 4096)).size > 100, "what was written is not zeros");
});
