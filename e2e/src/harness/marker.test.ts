import assert from "node:assert/strict";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { contains, createMarker, searchFile } from "./marker.ts";

test("contains() finds a marker raw, in UTF-16, in hexadecimal and in base64 at any alignment", () => {
  const marker = createMarker();
  const raw = Buffer.from(marker.text);
  const hiding = [0, 1, 2, 3].map((size) => Buffer.concat([Buffer.alloc(size, "x"), raw, Buffer.alloc(5, "y")]));
  assert.ok(contains(Buffer.from(marker.text, "utf16le"), marker));
  for (const bytes of hiding) {
    assert.ok(contains(bytes, marker));
    for (const form of ["hex", "base64"] as const) assert.ok(contains(Buffer.from(bytes.toString(form)), marker));
  }
  assert.equal(contains(Buffer.from(createMarker().text), marker), false);
});

test("searchFile() finds a marker in a sparse file, also across the border of two reads", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "constellation-e2e-marker-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "disk");
  const marker = createMarker();
  const file = await open(path, "w+");
  await file.truncate(64 * 1024 * 1024);
  assert.deepEqual(await searchFile(path, marker), { found: false, dataBytes: 0 });
  await file.write(marker.text, 8 * 1024 * 1024 - 10);
  assert.equal((await searchFile(path, marker)).found, true);
  assert.equal((await searchFile(path, createMarker())).found, false);
  await file.close();
});
