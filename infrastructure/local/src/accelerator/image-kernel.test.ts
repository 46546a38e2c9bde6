import assert from "node:assert/strict";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { findSystemPartition } from "./partition-table.ts";
import { extractKernel, peSection } from "./uki-kernel.ts";

const ESP_TYPE = "28732ac11ff8d211ba4b00a0c93ec93b";

/** A PE file with one section. */
function pe(name: string, content: string): Buffer {
  const bytes = Buffer.alloc(1024);
  bytes.write("MZ");
  bytes.writeUInt32LE(64, 60);
  bytes.write("PE\0\0", 64, "latin1");
  bytes.writeUInt16LE(1, 64 + 6);
  bytes.writeUInt16LE(0, 64 + 20);
  const section = 64 + 24;
  bytes.write(name, section, "latin1");
  bytes.writeUInt32LE(content.length, section + 8);
  bytes.writeUInt32LE(512, section + 16);
  bytes.writeUInt32LE(512, section + 20);
  bytes.write(content, 512);
  return bytes;
}

function partitionTable(firstSector: bigint): Buffer {
  const bytes = Buffer.alloc(4096);
  bytes.write("EFI PART", 512);
  bytes.writeBigUInt64LE(2n, 512 + 72);
  bytes.writeUInt32LE(4, 512 + 80);
  bytes.writeUInt32LE(128, 512 + 84);
  bytes.write(ESP_TYPE, 1024 + 128, "hex");
  bytes.writeBigUInt64LE(firstSector, 1024 + 128 + 32);
  return bytes;
}

async function disk(t: TestContext, content: Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "constellation-image-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "disk.raw");
  await writeFile(path, content);
  return path;
}

test("findSystemPartition() gives the byte offset of the EFI system partition", async (t) => {
  for (const [content, wanted] of [
    [partitionTable(2048n), 1_048_576],
    [Buffer.alloc(4096), undefined],
  ] as const) {
    const file = await open(await disk(t, content), "r");
    assert.equal(await findSystemPartition(file), wanted);
    await file.close();
  }
});

test("peSection() gives a section's content without its padding", () => {
  assert.equal(peSection(pe(".linux", "kernel"), ".linux")?.toString(), "kernel");
  assert.equal(peSection(pe(".initrd", "x"), ".linux"), undefined);
  assert.equal(peSection(Buffer.from("no PE"), ".linux"), undefined);
  assert.equal(peSection(pe(".linux", "kernel").subarray(0, 100), ".linux"), undefined);
});

test("extractKernel() finds no kernel in a disk without partitions", async (t) => {
  assert.equal(await extractKernel(await disk(t, Buffer.alloc(4096)), tmpdir()), undefined);
});
