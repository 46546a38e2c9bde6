import { Cursor, hex } from "@constellation/bytes";
import { SevSnpError } from "./error.ts";

/** What a host keeps beside its guests' reports; "ASK" stands for an ASVK too. */
export type CertificateRole = "ARK" | "ASK" | "VCEK" | "VLEK" | "CRL";

/** One entry of a certificate table. */
export interface CertificateTableEntry {
  /** Hexadecimal, in the order of its text. */
  readonly guid: string;
  /** For a GUID that is known. */
  readonly role?: CertificateRole;
  /** As the host put it there: DER or PEM. */
  readonly data: Uint8Array;
}

/** GUIDs of AMD 56421 section 4.1.8.1; hosts store them in the order of their text. */
const ROLES: ReadonlyMap<string, CertificateRole> = new Map([
  ["c0b406a4a803495297433fb6014cd0ae", "ARK"],
  ["4ab7b379bbac4fe4a02f05aef327c782", "ASK"],
  ["63da758de6644564adc5f4b93be8accd", "VCEK"],
  ["a8074bc2a25a483eaae639c045a0b8a1", "VLEK"],
  ["92f81bc358114d3d97ffd19f88dc67ea", "CRL"],
]);

const MAX_TABLE_BYTES = 16 * 1024 * 1024;
const MAX_ENTRIES = 64;
const ENTRY_BYTES = 24;

/**
 * Parses the certificate table of an extended guest request (AMD 56421 section 4.1.8.1), also the auxblob of the
 * kernel's configfs-tsm: entries of GUID, offset and length up to one of zeros, and their data behind it. Nothing in it
 * is trusted. Throws `SevSnpError` "certificate_table".
 */
export function parseCertificateTable(bytes: Uint8Array): CertificateTableEntry[] {
  if (bytes.length > MAX_TABLE_BYTES) throw refused(`${bytes.length} bytes`, `${MAX_TABLE_BYTES} or fewer`);
  const cursor = new Cursor(bytes);
  const headers: Header[] = [];
  while (true) {
    if (cursor.remaining < ENTRY_BYTES) throw refused(`no end after ${headers.length} entries`, "an entry of zeros");
    const header = readHeader(cursor);
    if (isEnd(header)) break;
    if (headers.length === MAX_ENTRIES) throw refused(`more than ${MAX_ENTRIES} entries`, "fewer");
    headers.push(header);
  }
  for (const header of headers) requirePlace(header, cursor.offset, bytes.length);
  requireOwnData(headers, cursor.remaining);
  return headers.map((header) => readEntry(bytes, header));
}

interface Header {
  readonly guid: string;
  readonly offset: number;
  readonly length: number;
}

function readHeader(cursor: Cursor): Header {
  return { guid: hex(cursor.take(16)), offset: cursor.u32le(), length: cursor.u32le() };
}

function isEnd({ guid, offset, length }: Header): boolean {
  return /^0+$/.test(guid) && offset === 0 && length === 0;
}

function requirePlace({ guid, offset, length }: Header, start: number, end: number): void {
  if (offset < start || offset + length > end) {
    throw refused(`data of "${guid}" from ${offset} to ${offset + length}`, `a place from ${start} to ${end}`);
  }
}

/** Entries with more data than there is share some of it: no host writes that, and copied out it can be any amount. */
function requireOwnData(headers: readonly Header[], dataBytes: number): void {
  const total = headers.reduce((sum, { length }) => sum + length, 0);
  if (total > dataBytes) throw refused(`${total} bytes of data`, `${dataBytes} or fewer`);
}

function readEntry(bytes: Uint8Array, { guid, offset, length }: Header): CertificateTableEntry {
  const role = ROLES.get(guid);
  return { guid, ...(role && { role }), data: new Uint8Array(bytes.subarray(offset, offset + length)) };
}

function refused(got: string, wanted: string): SevSnpError {
  return new SevSnpError("certificate_table", `Parse certificate table failed: got ${got}, wanted ${wanted}`);
}
