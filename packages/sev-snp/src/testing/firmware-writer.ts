import { concat, fromHex, utf8 } from "@constellation/bytes";
import { guidHex } from "../launch/guid.ts";

/** GUIDs of the table at the end of OVMF. */
export const FIRMWARE_GUID = {
  FOOTER: "96b582de-1fb2-45f7-baea-a366c55a082d",
  RESET_BLOCK: "00f771de-1a7e-4fcb-890e-68c77e2fb44e",
  HASH_TABLE: "7255371f-3a3b-4b04-927b-1da6efa8d454",
  METADATA: "dc886566-984a-4798-a75e-5585a7bf67cc",
} as const;

/** What a firmware image is to say. */
export interface FirmwareParts {
  readonly sizeBytes?: number;
  /** Start address of other vCPUs. */
  readonly apResetEip?: number;
  readonly hashTable?: { readonly gpa: number; readonly sizeBytes: number };
  /** Address, size and type of each section. */
  readonly sections?: readonly (readonly [gpa: number, sizeBytes: number, type: number])[];
  /** Other bytes for the metadata's header and sections. */
  readonly metadata?: Uint8Array;
  /** Other distance of the metadata from the end; undefined leaves the entry out. */
  readonly metadataOffset?: number | undefined;
  /** Entries beside those for the parts above. */
  readonly entries?: readonly Uint8Array[];
  readonly footerGuid?: string;
  readonly footerLength?: number;
}

/** Sections of an image like OVMF's AmdSev. */
export const SECTIONS = [
  [0x800000, 0x9000, 1],
  [0x80d000, 0x1000, 2],
  [0x80e000, 0x1000, 3],
  [0x80f000, 0x1000, 4],
  [0x810000, 0x1000, 0x10],
] as const;

const DEFAULT_METADATA_OFFSET = 1024;

/** Little-endian words of 32 bits. */
export function words(...values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, index) => view.setUint32(4 * index, value, true));
  return new Uint8Array(view.buffer);
}

/** An entry of the table: data, length, GUID. */
export function tableEntry(guid: string, data: Uint8Array, length = data.length + 18): Uint8Array {
  return concat(data, Uint8Array.of(length & 0xff, length >> 8), fromHex(guidHex(guid)));
}

/** Header and sections of AMD SEV metadata. */
export function metadata(sections: FirmwareParts["sections"] = SECTIONS): Uint8Array {
  return concat(utf8("ASEV"), words(16 + 12 * sections.length, 1, sections.length), words(...sections.flat()));
}

/** A firmware image; by default with all tables that a launch needs. */
export function writeFirmware(parts: FirmwareParts = {}): Uint8Array {
  const image = new Uint8Array(parts.sizeBytes ?? 8192).map((_, index) => index >> 8);
  const offset = "metadataOffset" in parts ? parts.metadataOffset : DEFAULT_METADATA_OFFSET;
  const { apResetEip = 0x80b004, hashTable = { gpa: 0x810c00, sizeBytes: 0x400 } } = parts;
  const entries = concat(
    ...(parts.entries ?? []),
    tableEntry(FIRMWARE_GUID.RESET_BLOCK, words(apResetEip)),
    tableEntry(FIRMWARE_GUID.HASH_TABLE, words(hashTable.gpa, hashTable.sizeBytes)),
    ...(offset === undefined ? [] : [tableEntry(FIRMWARE_GUID.METADATA, words(offset))]),
  );
  const footer = tableEntry(
    parts.footerGuid ?? FIRMWARE_GUID.FOOTER,
    new Uint8Array(0),
    parts.footerLength ?? entries.length + 18,
  );
  image.set(concat(entries, footer), image.length - 32 - entries.length - footer.length);
  image.set(parts.metadata ?? metadata(parts.sections), image.length - DEFAULT_METADATA_OFFSET);
  return image;
}
