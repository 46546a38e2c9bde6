import assert from "node:assert/strict";
import { test } from "node:test";
import { dataOffset, parseIntegrityLayout } from "./integrity-layout.ts";

/** Superblock of a state disk of 8 GiB as cryptsetup 2.7.5 and Linux 6.12 made it. */
function superblock(): Buffer {
  const bytes = Buffer.alloc(512);
  bytes.write("integrt\0", "latin1");
  bytes.writeUInt8(4, 8);
  bytes.writeUInt8(15, 9);
  bytes.writeUInt16LE(32, 10);
  bytes.writeUInt32LE(496, 12);
  bytes.writeBigUInt64LE(16484472n, 16);
  bytes.writeUInt32LE(0x8, 24);
  bytes.writeUInt8(3, 28);
  return bytes;
}

const DISK_BYTES = 8 * 2 ** 30;
const LUKS_OFFSET = 16 * 2 ** 20;

test("dataOffset() puts the device's last block at the end of the disk", () => {
  const layout = parseIntegrityLayout(superblock());
  assert.equal(LUKS_OFFSET + dataOffset(layout, 16484472 - 8) + 4096, DISK_BYTES);
});

test("dataOffset() leaves room for the tags at the border of two areas", () => {
  const layout = parseIntegrityLayout(superblock());
  assert.equal(dataOffset(layout, 0), (130952 + 256) * 512);
  assert.equal(dataOffset(layout, 32768) - dataOffset(layout, 32760), (256 + 8) * 512);
});

test("parseIntegrityLayout() and dataOffset() refuse what is not there", () => {
  assert.throws(() => parseIntegrityLayout(new Uint8Array(512)), { code: "disk" });
  assert.throws(() => dataOffset(parseIntegrityLayout(superblock()), 16484472), { code: "disk" });
});
