import { BytesError, Cursor, fromLatin1 } from "@constellation/bytes";
import { EventLogError } from "./error.ts";

/** A section of a PE image (PE format, "Section Table"). */
export interface PeSection {
  readonly name: string;
  readonly virtualSize: number;
  readonly virtualAddress: number;
  readonly sizeOfRawData: number;
  readonly pointerToRawData: number;
}

/** A region of the file. */
interface FileRange {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** The parts of a PE32+ image that hashing and section lookup need. */
export interface PeImage {
  readonly bytes: Uint8Array;
  readonly sections: readonly PeSection[];
  readonly sizeOfHeaders: number;
  readonly checksumOffset: number;
  /** Where the entry for the certificate table stands; absent where the directory is too short to have it. */
  readonly certificateEntryOffset: number | undefined;
  /** The attribute certificates, of size 0 where the image is not signed. */
  readonly certificateTable: FileRange;
}

const MAX_SECTIONS = 96;
const MAX_SECTION_BYTES = 1 << 30;
const SECTION_HEADER_BYTES = 40;
const NAME_BYTES = 8;
const PE32_PLUS = 0x20b;
const MACHINE_X86_64 = 0x8664;
const CERTIFICATE_ENTRY = 4;
const DIRECTORY_OFFSET = 112;
const DIRECTORY_ENTRY_BYTES = 8;

/**
 * Parses the headers of a PE32+ image for x86-64. Every section and the certificate table must lie within the file.
 * @throws EventLogError `pe`
 */
export function parsePe(bytes: Uint8Array): PeImage {
  try {
    return readPe(bytes);
  } catch (error) {
    if (!(error instanceof BytesError)) throw error;
    throw new EventLogError("pe", `Parse PE image failed: ${error.message}`, error);
  }
}

/**
 * The content of a section as it is in memory: `VirtualSize` bytes, zero where the file has fewer.
 */
export function sectionContent(image: PeImage, section: PeSection): Uint8Array {
  const content = new Uint8Array(section.virtualSize);
  const stored = Math.min(section.virtualSize, section.sizeOfRawData);
  content.set(image.bytes.subarray(section.pointerToRawData, section.pointerToRawData + stored));
  return content;
}

function readPe(bytes: Uint8Array): PeImage {
  const headerOffset = peOffset(bytes);
  const coff = new Cursor(bytes.subarray(headerOffset));
  require(coff.u32le() === 0x4550, "the PE signature is missing");
  require(coff.u16le() === MACHINE_X86_64, "the image is not for x86-64");
  const numberOfSections = coff.u16le();
  require(numberOfSections >= 1 && numberOfSections <= MAX_SECTIONS, `it has ${numberOfSections} sections`);
  coff.take(12); // TimeDateStamp, PointerToSymbolTable, NumberOfSymbols
  const optionalSize = coff.u16le();
  coff.take(2); // Characteristics
  const optionalOffset = headerOffset + coff.offset;
  const optional = readOptionalHeader(coff.take(optionalSize), optionalOffset, bytes.length);
  const sections = Array.from({ length: numberOfSections }, () => readSection(coff, bytes.length));
  require(optional.sizeOfHeaders >= headerOffset + coff.offset, "SizeOfHeaders does not cover the section table");
  return { bytes, sections, ...optional };
}

function peOffset(bytes: Uint8Array): number {
  const dos = new Cursor(bytes);
  require(dos.u16le() === 0x5a4d, 'it does not start with "MZ"');
  dos.take(58);
  const offset = dos.u32le();
  require(offset >= 0x40 && offset < bytes.length, "the PE header is outside the file");
  return offset;
}

function readOptionalHeader(header: Uint8Array, offset: number, fileSize: number): Omit<PeImage, "bytes" | "sections"> {
  const cursor = new Cursor(header);
  require(cursor.u16le() === PE32_PLUS, "it is not PE32+");
  cursor.take(58);
  const sizeOfHeaders = cursor.u32le();
  require(sizeOfHeaders <= fileSize, "the headers are outside the file");
  cursor.take(DIRECTORY_OFFSET - 4 - cursor.offset);
  const entries = cursor.u32le();
  require(header.length >= DIRECTORY_OFFSET + entries * DIRECTORY_ENTRY_BYTES, "the data directory is cut off");
  const common = { sizeOfHeaders, checksumOffset: offset + 64 };
  if (entries <= CERTIFICATE_ENTRY) {
    return { ...common, certificateEntryOffset: undefined, certificateTable: { offset: fileSize, sizeBytes: 0 } };
  }
  cursor.take(CERTIFICATE_ENTRY * DIRECTORY_ENTRY_BYTES);
  const certificateTable = { offset: cursor.u32le(), sizeBytes: cursor.u32le() };
  requireCertificateTable(certificateTable, fileSize);
  const certificateEntryOffset = offset + DIRECTORY_OFFSET + CERTIFICATE_ENTRY * DIRECTORY_ENTRY_BYTES;
  return { ...common, certificateEntryOffset, certificateTable };
}

/** The certificates are left out of the hash, so they may only be the file's end: nothing else can hide there. */
function requireCertificateTable({ offset, sizeBytes }: FileRange, fileSize: number): void {
  require(sizeBytes === 0 || offset + sizeBytes === fileSize, "the certificate table is not the end of the file");
}

function readSection(cursor: Cursor, fileSize: number): PeSection {
  const header = new Cursor(cursor.take(SECTION_HEADER_BYTES));
  const section = {
    name: sectionName(header.take(NAME_BYTES)),
    virtualSize: header.u32le(),
    virtualAddress: header.u32le(),
    sizeOfRawData: header.u32le(),
    pointerToRawData: header.u32le(),
  };
  const end = section.pointerToRawData + section.sizeOfRawData;
  require(section.virtualSize <= MAX_SECTION_BYTES, `section "${section.name}" has ${section.virtualSize} bytes`);
  require(section.sizeOfRawData === 0 || end <= fileSize, `section "${section.name}" is outside the file`);
  return section;
}

function sectionName(bytes: Uint8Array): string {
  const name = fromLatin1(bytes).replace(/\0+$/u, "");
  require(/^[\x21-\x7e]*$/u.test(name), "a section's name is not printable");
  return name;
}

function require(condition: boolean, what: string): asserts condition {
  if (!condition) throw new EventLogError("pe", `Parse PE image failed: ${what}`);
}
