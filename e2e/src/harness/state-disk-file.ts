import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { HarnessError } from "./error.ts";
import { dataOffset, parseIntegrityLayout } from "./integrity-layout.ts";

/** Parameters of state disks: SPECIFICATION.md, "State disk". */
const LUKS_DATA_OFFSET = 16 * 1024 * 1024;
const HEADER_BYTES = 16_384;
const BINARY_HEADER_BYTES = 4096;
const CHECKSUM = { offset: 448, fieldBytes: 64 } as const;
const SECTOR_BYTES = 512;
const BLOCK_BYTES = 4096;
const COMMIT_ID_BYTES = 8;

/** Where a byte was flipped. */
export interface FlippedByte {
  /** Sector of the decrypted device, as the kernel names it. */
  readonly sector: number;
  /** Place in the image file. */
  readonly offset: number;
}

/**
 * Flips one bit of the ciphertext of the block that holds byte `at` of the decrypted device. The machine is off. Where
 * dm-integrity's journal has the same ciphertext it is flipped, too: after a crash the journal is written into place
 * again, and the block would be whole.
 * @throws HarnessError `disk` where nothing was ever written there
 */
export async function flipCiphertext(path: string, at: number): Promise<FlippedByte> {
  return await withFile(path, async (disk) => {
    const layout = parseIntegrityLayout(await readAt(disk, LUKS_DATA_OFFSET, SECTOR_BYTES));
    const sector = (Math.floor(at / BLOCK_BYTES) * BLOCK_BYTES) / SECTOR_BYTES;
    const offset = LUKS_DATA_OFFSET + dataOffset(layout, sector) + BLOCK_BYTES / 2;
    const block = await readAt(disk, offset - BLOCK_BYTES / 2, BLOCK_BYTES);
    if (block.every((byte) => byte === 0)) {
      throw new HarnessError(
        "disk",
        `Flip byte of state disk failed: got zeros at sector ${sector}, wanted ciphertext`,
      );
    }
    // The last bytes of each sector are the commit's in the journal.
    const ciphertext = await readAt(disk, offset, SECTOR_BYTES - COMMIT_ID_BYTES);
    const journal = await readAt(disk, LUKS_DATA_OFFSET, layout.initialSectors * SECTOR_BYTES);
    const changed = Buffer.of((ciphertext[0] ?? 0) ^ 1);
    await disk.write(changed, 0, 1, offset);
    for (let at = journal.indexOf(ciphertext); at >= 0; at = journal.indexOf(ciphertext, at + 1)) {
      await disk.write(changed, 0, 1, LUKS_DATA_OFFSET + at);
    }
    await disk.sync();
    return { sector, offset };
  });
}

/**
 * Adds a token to both copies of the LUKS2 header, with right checksums, as somebody with the disk in hand could.
 * @returns the headers as they were
 */
export async function addForeignToken(path: string): Promise<Uint8Array> {
  return await withFile(path, async (disk) => {
    const before = await readAt(disk, 0, 2 * HEADER_BYTES);
    for (const start of [0, HEADER_BYTES]) {
      await disk.write(withToken(before.subarray(start, start + HEADER_BYTES)), 0, HEADER_BYTES, start);
    }
    await disk.sync();
    return before;
  });
}

/** Puts the headers back. */
export async function restoreHeaders(path: string, headers: Uint8Array): Promise<void> {
  await withFile(path, async (disk) => {
    await disk.write(headers, 0, headers.length, 0);
    await disk.sync();
  });
}

/** "LUKS2 On-Disk Format Specification", sections 2.1 and 3. */
export function withToken(copy: Uint8Array): Buffer {
  const changed = Buffer.from(copy);
  const area = changed.subarray(BINARY_HEADER_BYTES);
  const text = area.toString("latin1", 0, area.indexOf(0));
  const json = JSON.parse(text) as { tokens: Record<string, object> };
  json.tokens = { ...json.tokens, "1": { type: "foreign", keyslots: [] } };
  area.fill(0);
  area.write(JSON.stringify(json), "latin1");
  changed.fill(0, CHECKSUM.offset, CHECKSUM.offset + CHECKSUM.fieldBytes);
  createHash("sha256").update(changed).digest().copy(changed, CHECKSUM.offset);
  return changed;
}

async function withFile<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, "r+");
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, offset: number, sizeBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(sizeBytes);
  const { bytesRead } = await file.read(buffer, 0, sizeBytes, offset);
  if (bytesRead === sizeBytes) return buffer;
  throw new HarnessError("disk", `Read state disk failed: got ${bytesRead} bytes at ${offset}, wanted ${sizeBytes}`);
}
