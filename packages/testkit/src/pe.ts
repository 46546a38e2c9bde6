/** A section of a {@link buildPe} image. */
export interface PeSectionSpec {
  readonly name: string;
  readonly content: Uint8Array;
}

/** What {@link buildPe} puts into an image. */
export interface PeSpec {
  readonly sections: readonly PeSectionSpec[];
  /** Attribute certificates behind the sections; the file is padded to 8 bytes before them. */
  readonly certificates?: Uint8Array;
}

const FILE_ALIGNMENT = 512;
const SECTION_ALIGNMENT = 4096;
const PE_OFFSET = 64;
const OPTIONAL_BYTES = 240;
const SECTION_BYTES = 40;
const CHECKSUM_OFFSET = PE_OFFSET + 24 + 64;
const CERTIFICATE_ENTRY_OFFSET = PE_OFFSET + 24 + 144;

/** Where the parts that Authenticode leaves out stand in every {@link buildPe} image. */
export const PE_OFFSETS = { checksum: CHECKSUM_OFFSET, certificateEntry: CERTIFICATE_ENTRY_OFFSET } as const;

/** A well-formed PE32+ image for x86-64 that holds the sections and does not run. */
export function buildPe({ sections, certificates }: PeSpec): Uint8Array {
  const sizeOfHeaders = align(PE_OFFSET + 24 + OPTIONAL_BYTES + SECTION_BYTES * sections.length, FILE_ALIGNMENT);
  const placed = place(sections, sizeOfHeaders);
  const end = placed.at(-1)?.end ?? sizeOfHeaders;
  const file = Buffer.alloc(end + (certificates?.length ?? 0));
  writeHeaders(file, sizeOfHeaders, sections.length);
  placed.forEach((section, index) => {
    writeSection(file, PE_OFFSET + 24 + OPTIONAL_BYTES + SECTION_BYTES * index, section);
  });
  if (certificates !== undefined) {
    file.set(certificates, end);
    file.writeUInt32LE(end, CERTIFICATE_ENTRY_OFFSET);
    file.writeUInt32LE(certificates.length, CERTIFICATE_ENTRY_OFFSET + 4);
  }
  return new Uint8Array(file);
}

interface PlacedSection extends PeSectionSpec {
  readonly virtualAddress: number;
  readonly offset: number;
  readonly end: number;
}

function place(sections: readonly PeSectionSpec[], sizeOfHeaders: number): PlacedSection[] {
  let offset = sizeOfHeaders;
  let virtualAddress = SECTION_ALIGNMENT;
  return sections.map((section) => {
    const end = offset + align(section.content.length, FILE_ALIGNMENT);
    const placed = { ...section, virtualAddress, offset, end };
    offset = end;
    virtualAddress += align(section.content.length, SECTION_ALIGNMENT);
    return placed;
  });
}

function writeHeaders(file: Buffer, sizeOfHeaders: number, sectionCount: number): void {
  file.write("MZ", 0, "latin1");
  file.writeUInt32LE(PE_OFFSET, 60);
  file.write("PE\0\0", PE_OFFSET, "latin1");
  file.writeUInt16LE(0x8664, PE_OFFSET + 4);
  file.writeUInt16LE(sectionCount, PE_OFFSET + 6);
  file.writeUInt16LE(OPTIONAL_BYTES, PE_OFFSET + 20);
  const optional = PE_OFFSET + 24;
  file.writeUInt16LE(0x20b, optional);
  file.writeUInt32LE(SECTION_ALIGNMENT, optional + 32);
  file.writeUInt32LE(FILE_ALIGNMENT, optional + 36);
  file.writeUInt32LE(sizeOfHeaders, optional + 60);
  file.writeUInt32LE(16, optional + 108);
}

function writeSection(file: Buffer, at: number, section: PlacedSection): void {
  file.write(section.name, at, 8, "latin1");
  file.writeUInt32LE(section.content.length, at + 8);
  file.writeUInt32LE(section.virtualAddress, at + 12);
  file.writeUInt32LE(section.end - section.offset, at + 16);
  file.writeUInt32LE(section.offset, at + 20);
  file.set(section.content, section.offset);
}

function align(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
