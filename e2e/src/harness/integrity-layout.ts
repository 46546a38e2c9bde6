import { HarnessError } from "./error.ts";

/**
 * Where dm-integrity keeps the data of a device: Linux, drivers/md/dm-integrity.c, `calculate_device_limits` and
 * `get_data_sector`. All in sectors of 512 bytes.
 */
export interface IntegrityLayout {
  /** Superblock and journal, before the first area. */
  readonly initialSectors: number;
  /** Tags of one area, before its data. */
  readonly metadataRun: number;
  readonly log2InterleaveSectors: number;
  readonly providedDataSectors: number;
}

const SECTOR_BYTES = 512;
const SUPERBLOCK_SECTORS = 8;
const JOURNAL_BLOCK_SECTORS = 8;
const COMMIT_ID_BYTES = 8;
const FLAG = { haveJournalMac: 0x1, fixedPadding: 0x8, inline: 0x20 } as const;

/** Reads the superblock. @throws HarnessError `disk` for one that is not there or has its tags elsewhere */
export function parseIntegrityLayout(superblock: Uint8Array): IntegrityLayout {
  const view = Buffer.from(superblock.buffer, superblock.byteOffset, superblock.byteLength);
  if (view.toString("latin1", 0, 8) !== "integrt\0") throw malformed("no superblock");
  const flags = view.readUInt32LE(24);
  if ((flags & FLAG.inline) !== 0) throw malformed("inline tags");
  const [log2Interleave, tagBytes, log2Block] = [view.readUInt8(9), view.readUInt16LE(10), view.readUInt8(28)];
  const journal = journalSectionSectors(tagBytes, log2Block, flags) * view.readUInt32LE(12);
  const paddingBytes = (flags & FLAG.fixedPadding) === 0 ? SECTOR_BYTES << 8 : 8 * SECTOR_BYTES;
  const tags = tagBytes * 2 ** (log2Interleave - log2Block);
  return {
    initialSectors: SUPERBLOCK_SECTORS + journal,
    metadataRun: (Math.ceil(tags / paddingBytes) * paddingBytes) / SECTOR_BYTES,
    log2InterleaveSectors: log2Interleave,
    providedDataSectors: Number(view.readBigUInt64LE(16)),
  };
}

function journalSectionSectors(tagBytes: number, log2Block: number, flags: number): number {
  const sectorsPerBlock = 2 ** log2Block;
  const entryBytes = Math.ceil((8 + COMMIT_ID_BYTES * sectorsPerBlock + tagBytes) / 8) * 8;
  const macBytes = (flags & FLAG.haveJournalMac) === 0 ? 0 : 8;
  const entriesPerSector = Math.floor((SECTOR_BYTES - COMMIT_ID_BYTES - macBytes) / entryBytes);
  return entriesPerSector * JOURNAL_BLOCK_SECTORS * sectorsPerBlock + JOURNAL_BLOCK_SECTORS;
}

/** Offset in bytes of a sector of the mapped device, from the place of the superblock. */
export function dataOffset(layout: IntegrityLayout, sector: number): number {
  if (sector >= layout.providedDataSectors) throw malformed(`sector ${sector} of ${layout.providedDataSectors}`);
  const areaSectors = 2 ** layout.log2InterleaveSectors;
  const area = Math.floor(sector / areaSectors);
  const before = layout.initialSectors + area * areaSectors + (area + 1) * layout.metadataRun;
  return (before + (sector % areaSectors)) * SECTOR_BYTES;
}

function malformed(got: string): HarnessError {
  return new HarnessError(
    "disk",
    `Find data on state disk failed: got ${got}, wanted dm-integrity with interleaved tags`,
  );
}
