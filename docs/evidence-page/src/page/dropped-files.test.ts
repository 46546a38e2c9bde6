import assert from "node:assert/strict";
import { test } from "node:test";
import { type FileSource, MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES, readFiles } from "./dropped-files.ts";

const source = (path: string, size: number): FileSource => ({
  path,
  size,
  read: () => Promise.resolve(new Uint8Array(Math.min(size, 4))),
});

test("readFiles() reads all files, in their order", async () => {
  const files = await readFiles([source("a", 1), source("b/c", 2)]);
  assert.deepEqual(files, [
    { path: "a", bytes: new Uint8Array(1) },
    { path: "b/c", bytes: new Uint8Array(2) },
  ]);
});

test("readFiles() reads nothing where there are too many files, or too large ones", async () => {
  const never = { ...source("a", 1), read: () => assert.fail("read") };
  const many = Array.from({ length: MAX_FILES + 1 }, () => never);
  await assert.rejects(readFiles(many), { name: "RangeError", message: /got 5001 files, wanted 5000 or fewer/ });
  await assert.rejects(
    readFiles([never, source("large", MAX_FILE_BYTES + 1)]),
    /Read large failed: got 16777217 bytes/,
  );
  const full = Array.from({ length: MAX_TOTAL_BYTES / MAX_FILE_BYTES }, () => ({ ...never, size: MAX_FILE_BYTES }));
  await assert.rejects(readFiles([...full, never]), { message: /wanted 268435456 or fewer in all/ });
});
