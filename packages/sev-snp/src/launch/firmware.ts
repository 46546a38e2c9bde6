import { Cursor, hex } from "@constellation/bytes";
import { SevSnpError } from "../error.ts";
import { guidHex } from "./guid.ts";
import { PAGE_BYTES } from "./page.ts";

/** What a section of guest memory is for (OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm). */
export type SectionKind = "SNP_SEC_MEM" | "SNP_SECRETS" | "CPUID" | "SVSM_CAA" | "SNP_KERNEL_HASHES";

/** A section of guest memory that the VMM prepares before the guest runs. */
export interface FirmwareSection {
  readonly kind: SectionKind;
  /** Guest physical address, at a page. */
  readonly gpa: number;
  /** Whole pages. */
  readonly sizeBytes: number;
}

/** Where in guest memory something is. */
export interface GuestRange {
  readonly gpa: number;
  readonly sizeBytes: number;
}

/** What an OVMF image tells a VMM. */
export interface Firmware {
  readonly image: Uint8Array;
  /** The image ends at 4 GiB. */
  readonly gpa: number;
  /** In the order of the image, which is that of the measurement. */
  readonly sections: readonly FirmwareSection[];
  /** Where the table of kernel hashes belongs; undefined in an image that has no place for one. */
  readonly hashTable?: GuestRange;
  /** Where vCPUs other than the first one start; undefined in an image that does not say. */
  readonly apResetEip?: number;
}

/** GUIDs of the table and its entries (OvmfPkg/ResetVector). */
const GUID = {
  TABLE_FOOTER: guidHex("96b582de-1fb2-45f7-baea-a366c55a082d"),
  SEV_ES_RESET_BLOCK: guidHex("00f771de-1a7e-4fcb-890e-68c77e2fb44e"),
  SEV_HASH_TABLE: guidHex("7255371f-3a3b-4b04-927b-1da6efa8d454"),
  SEV_METADATA: guidHex("dc886566-984a-4798-a75e-5585a7bf67cc"),
} as const;

const SECTION_KINDS: ReadonlyMap<number, SectionKind> = new Map([
  [1, "SNP_SEC_MEM"],
  [2, "SNP_SECRETS"],
  [3, "CPUID"],
  [4, "SVSM_CAA"],
  [0x10, "SNP_KERNEL_HASHES"],
]);
/** Sections that are one page. */
const SINGLE_PAGE: ReadonlySet<SectionKind> = new Set(["SNP_SECRETS", "CPUID", "SNP_KERNEL_HASHES"]);

const FOUR_GIB = 2 ** 32;
const MAX_IMAGE_BYTES = 16 * 1024 * 1024;
/** Most memory that sections may name; each page costs a hash. */
const MAX_SECTION_BYTES = 64 * 1024 * 1024;
/** From the end of the image to the end of the table. */
const TABLE_END_OFFSET = 32;
/** Length and GUID of an entry, after its data. */
const ENTRY_TRAILER_BYTES = 18;
const METADATA_SIGNATURE = "41534556"; // ASEV
const METADATA_HEADER_BYTES = 16;
const METADATA_ENTRY_BYTES = 12;

/**
 * Reads an OVMF image: whole pages with the table of GUIDs before the reset vector, and AMD SEV metadata.
 * Throws `SevSnpError` "firmware".
 */
export function parseFirmware(image: Uint8Array): Firmware {
  if (image.length === 0 || image.length % PAGE_BYTES !== 0 || image.length > MAX_IMAGE_BYTES) {
    throw refused(`an image of ${image.length} bytes`, `whole pages, ${MAX_IMAGE_BYTES} bytes or fewer`);
  }
  const table = readTable(image);
  const hashTable = readHashTable(table.get(GUID.SEV_HASH_TABLE));
  const apResetEip = readResetBlock(table.get(GUID.SEV_ES_RESET_BLOCK));
  return {
    image,
    gpa: FOUR_GIB - image.length,
    sections: readMetadata(image, table.get(GUID.SEV_METADATA)),
    ...(hashTable && { hashTable }),
    ...(apResetEip !== undefined && { apResetEip }),
  };
}

/** Entries by GUID. The table is read from its end: data, length of the entry, GUID; the footer is an entry itself. */
function readTable(image: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const end = image.length - TABLE_END_OFFSET;
  const footer = readTrailer(image, end);
  if (footer.guid !== GUID.TABLE_FOOTER) throw refused(`GUID "${footer.guid}" at the end`, GUID.TABLE_FOOTER);
  const start = end - footer.length;
  const table = new Map<string, Uint8Array>();
  for (let entryEnd = end - ENTRY_TRAILER_BYTES; entryEnd > start; ) {
    const entry = readTrailer(image, entryEnd);
    const entryStart = entryEnd - entry.length;
    if (entryStart < start) throw refused(`an entry of ${entry.length} bytes`, "one inside the table");
    if (table.has(entry.guid)) throw refused(`GUID "${entry.guid}" twice`, "it once");
    table.set(entry.guid, image.subarray(entryStart, entryEnd - ENTRY_TRAILER_BYTES));
    entryEnd = entryStart;
  }
  return table;
}

function readTrailer(image: Uint8Array, end: number): { length: number; guid: string } {
  const start = end - ENTRY_TRAILER_BYTES;
  if (start < 0) throw refused(`a table that starts before the image`, "one inside it");
  const cursor = new Cursor(image.subarray(start, end));
  const length = cursor.u16le();
  if (length < ENTRY_TRAILER_BYTES || length > end) {
    throw refused(`an entry of ${length} bytes`, `${ENTRY_TRAILER_BYTES} to ${end}`);
  }
  return { length, guid: hex(cursor.rest()) };
}

/** Base and size; both zero in images that have no place for kernel hashes. */
function readHashTable(data: Uint8Array | undefined): GuestRange | undefined {
  if (data === undefined) return undefined;
  const cursor = entryCursor(data, 8, "SEV hash table");
  const range = { gpa: cursor.u32le(), sizeBytes: cursor.u32le() };
  return range.gpa === 0 ? undefined : range;
}

function readResetBlock(data: Uint8Array | undefined): number | undefined {
  return data && entryCursor(data, 4, "SEV-ES reset block").u32le();
}

function entryCursor(data: Uint8Array, sizeBytes: number, what: string): Cursor {
  if (data.length !== sizeBytes) throw refused(`${what} of ${data.length} bytes`, `${sizeBytes}`);
  return new Cursor(data);
}

/** The entry holds the metadata's distance from the end of the image. */
function readMetadata(image: Uint8Array, data: Uint8Array | undefined): FirmwareSection[] {
  if (data === undefined) throw refused("no SEV metadata", "an image for SEV-SNP");
  const offset = entryCursor(data, 4, "SEV metadata offset").u32le();
  if (offset < METADATA_HEADER_BYTES || offset > image.length) {
    throw refused(`SEV metadata ${offset} bytes before the end`, "a place inside the image");
  }
  const cursor = new Cursor(image.subarray(image.length - offset));
  const signature = hex(cursor.take(4));
  const sizeBytes = cursor.u32le();
  const version = cursor.u32le();
  const count = cursor.u32le();
  if (signature !== METADATA_SIGNATURE || version !== 1) {
    throw refused(`SEV metadata "${signature}" version "${version}"`, `"${METADATA_SIGNATURE}" version "1"`);
  }
  if (sizeBytes !== METADATA_HEADER_BYTES + count * METADATA_ENTRY_BYTES || sizeBytes > offset) {
    throw refused(`SEV metadata of ${sizeBytes} bytes with ${count} sections`, "a size that fits");
  }
  return limited(Array.from({ length: count }, () => readSection(cursor)));
}

function readSection(cursor: Cursor): FirmwareSection {
  const [gpa, sizeBytes, type] = [cursor.u32le(), cursor.u32le(), cursor.u32le()];
  const kind = SECTION_KINDS.get(type);
  if (kind === undefined) throw refused(`section type "${type}"`, "1, 2, 3, 4 or 16");
  const wholePages = gpa % PAGE_BYTES === 0 && sizeBytes % PAGE_BYTES === 0 && sizeBytes > 0;
  if (!wholePages || gpa + sizeBytes > FOUR_GIB || (SINGLE_PAGE.has(kind) && sizeBytes !== PAGE_BYTES)) {
    throw refused(
      `section ${kind} of ${sizeBytes} bytes at 0x${gpa.toString(16)}`,
      SINGLE_PAGE.has(kind) ? "one page" : "whole pages",
    );
  }
  return { kind, gpa, sizeBytes };
}

function limited(sections: FirmwareSection[]): FirmwareSection[] {
  const total = sections.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (total > MAX_SECTION_BYTES) throw refused(`sections of ${total} bytes`, `${MAX_SECTION_BYTES} or fewer`);
  return sections;
}

function refused(got: string, wanted: string): SevSnpError {
  return new SevSnpError("firmware", `Parse firmware failed: got ${got}, wanted ${wanted}`);
}
