import type { FileHandle } from "node:fs/promises";

const SECTOR_BYTES = 512;
const SIGNATURE = "EFI PART";
/** c12a7328-f81f-11d2-ba4b-00a0c93ec93b in GPT's mixed byte order. */
const ESP_TYPE = "28732ac11ff8d211ba4b00a0c93ec93b";
const MAX_ENTRIES = 256;

/** The byte offset of the first EFI system partition of a GPT disk (UEFI 2.10, section 5.3), or undefined. */
export async function findSystemPartition(disk: FileHandle): Promise<number | undefined> {
  const header = Buffer.alloc(92);
  await disk.read(header, 0, header.length, SECTOR_BYTES);
  if (header.toString("latin1", 0, 8) !== SIGNATURE) return undefined;
  const [firstEntry, count, size] = [header.readBigUInt64LE(72), header.readUInt32LE(80), header.readUInt32LE(84)];
  if (count > MAX_ENTRIES || size < 128 || size > 4096) return undefined;
  const entries = Buffer.alloc(count * size);
  await disk.read(entries, 0, entries.length, Number(firstEntry) * SECTOR_BYTES);
  for (let at = 0; at < entries.length; at += size) {
    if (entries.toString("hex", at, at + 16) !== ESP_TYPE) continue;
    return Number(entries.readBigUInt64LE(at + 32)) * SECTOR_BYTES;
  }
  return undefined;
}
