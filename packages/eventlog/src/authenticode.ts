import { digest } from "@constellation/crypto";
import type { Bank } from "./algorithm.ts";
import { EventLogError } from "./error.ts";
import type { PeImage, PeSection } from "./pe.ts";
import { parsePe } from "./pe.ts";

const CHECKSUM_BYTES = 4;
const CERTIFICATE_ENTRY_BYTES = 8;

/**
 * The Authenticode hash of a PE image, which is what UEFI firmware measures when it loads the image: all of the file
 * but checksum, certificate table and its entry (Windows Authenticode Portable Executable Signature Format,
 * "Calculating the PE Image Hash").
 * @throws EventLogError `pe`
 */
export function authenticodeHash(pe: Uint8Array, bank: Bank): Uint8Array {
  return digest(bank, ...hashedParts(parsePe(pe)));
}

function hashedParts(image: PeImage): Uint8Array[] {
  const sections = inFileOrder(image.sections);
  const summed = image.sizeOfHeaders + sections.reduce((total, section) => total + section.sizeOfRawData, 0);
  return [
    ...headerParts(image),
    ...sections.map(({ pointerToRawData: at, sizeOfRawData: size }) => image.bytes.subarray(at, at + size)),
    trailingPart(image, summed),
  ];
}

function headerParts(image: PeImage): Uint8Array[] {
  const { bytes, checksumOffset, certificateEntryOffset, sizeOfHeaders } = image;
  const afterChecksum = checksumOffset + CHECKSUM_BYTES;
  const head = bytes.subarray(0, checksumOffset);
  if (certificateEntryOffset === undefined) return [head, bytes.subarray(afterChecksum, sizeOfHeaders)];
  return [
    head,
    bytes.subarray(afterChecksum, certificateEntryOffset),
    bytes.subarray(certificateEntryOffset + CERTIFICATE_ENTRY_BYTES, sizeOfHeaders),
  ];
}

function inFileOrder(sections: readonly PeSection[]): PeSection[] {
  return sections
    .filter((section) => section.sizeOfRawData > 0)
    .sort((a, b) => a.pointerToRawData - b.pointerToRawData);
}

/** What stands after the sections and before the certificates, counted by the bytes hashed so far. */
function trailingPart(image: PeImage, summed: number): Uint8Array {
  const end = image.bytes.length - image.certificateTable.sizeBytes;
  if (summed > end) throw new EventLogError("pe", "Hash PE image failed: its sections overlap");
  return image.bytes.subarray(summed, end);
}
