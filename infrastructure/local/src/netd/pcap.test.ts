import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Capture } from "./capture.ts";
import { pcapFileHeader, pcapRecord } from "./pcap.ts";

test("pcapRecord() has seconds, nanoseconds and both lengths before the frame", () => {
  const record = Buffer.from(pcapRecord(Uint8Array.of(1, 2, 3), 1_700_000_000_250.5));
  assert.deepEqual(
    [0, 4, 8, 12].map((at) => record.readUInt32BE(at)),
    [1_700_000_000, 250_500_000, 3, 3],
  );
  assert.deepEqual([...record.subarray(16)], [1, 2, 3]);
});

test("Capture writes a whole file that only its owner can read", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "constellation-capture-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "c.pcap");
  const capture = await Capture.start(path, () => 5_000);
  capture.add(Uint8Array.of(7));
  capture.add(Uint8Array.of(8, 9));
  assert.deepEqual(await capture.stop(), { path, frames: 2, missed: 0 });
  const records = [Uint8Array.of(7), Uint8Array.of(8, 9)].map((frame) => pcapRecord(frame, 5_000));
  assert.deepEqual(await readFile(path), Buffer.concat([pcapFileHeader(), ...records]));
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test("Capture.start() rejects where the file can't be made", async () => {
  await assert.rejects(
    Capture.start("/nonexistent/c.pcap", () => 0),
    { code: "ENOENT" },
  );
});
