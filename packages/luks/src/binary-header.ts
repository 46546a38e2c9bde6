import { createHash } from "node:crypto";
import { Cursor, equalConstantTime } from "@constellation/bytes";
import { LuksError } from "./errors.ts";

/** Size of one header copy: binary header and JSON area ("LUKS2 On-Disk Format Specification", section 2). */
export const HEADER_SIZE_BYTES = 16384;

const BINARY_SIZE_BYTES = 4096;
const OFFSET_OFFSET = 256;
const CHECKSUM_OFFSET = 448;
const CHECKSUM_SIZE = 64;
const MAGIC = { primary: "4c554b53babe", secondary: "534b554cbabe" } as const;
const DIGEST_SIZE = 32;

/** Which of the two copies of the header. */
export type CopyName = keyof typeof MAGIC;

/** One copy of the header, its checksum verified. */
export interface BinaryHeader {
  sequenceId: bigint;
  uuid: string;
  /** Text of the JSON area without the zeros after it. */
  json: string;
}

/** Where a copy starts on the disk. */
export function copyOffset(copy: CopyName): number {
  return copy === "primary" ? 0 : HEADER_SIZE_BYTES;
}

/** The other copy. */
export function otherCopy(copy: CopyName): CopyName {
  return copy === "primary" ? "secondary" : "primary";
}

/** Puts the contents of one copy into the place of the other: they differ in magic number, offset and checksum only. */
export function replaceCopy(area: Uint8Array, broken: CopyName): void {
  const from = copyOffset(otherCopy(broken));
  const to = copyOffset(broken);
  area.copyWithin(to, from, from + HEADER_SIZE_BYTES);
  const bytes = area.subarray(to, to + HEADER_SIZE_BYTES);
  bytes.set(Buffer.from(MAGIC[broken], "hex"));
  new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(OFFSET_OFFSET, BigInt(to));
  bytes.fill(0, CHECKSUM_OFFSET, CHECKSUM_OFFSET + CHECKSUM_SIZE);
  bytes.set(computeChecksum(bytes), CHECKSUM_OFFSET);
}

/** Whether there is the magic number of a LUKS2 header at the copy's place. */
export function hasMagic(area: Uint8Array, copy: CopyName): boolean {
  const start = copyOffset(copy);
  return Buffer.from(area.subarray(start, start + 6)).toString("hex") === MAGIC[copy];
}

/**
 * Parses one copy of the header strictly: every byte is either a field with its accepted value or zero.
 * Specification section 2.1, "Binary Header".
 * @throws LuksError
 */
export function parseBinaryHeader(area: Uint8Array, copy: CopyName): BinaryHeader {
  const start = copyOffset(copy);
  if (area.length < start + HEADER_SIZE_BYTES) {
    throw new LuksError("size", `${copy} header`, area.length, start + HEADER_SIZE_BYTES);
  }
  const bytes = area.subarray(start, start + HEADER_SIZE_BYTES);
  if (!hasMagic(area, copy)) throw new LuksError("magic", `${copy}.magic`, hex(bytes.subarray(0, 6)), MAGIC[copy]);
  const cursor = new Cursor(bytes.subarray(6, BINARY_SIZE_BYTES));
  requireEqual("version", `${copy}.version`, cursor.u16be(), 2);
  requireEqual("header_size", `${copy}.hdr_size`, Number(cursor.u64be()), HEADER_SIZE_BYTES);
  const sequenceId = cursor.u64be();
  requireEqual("label", `${copy}.label`, text(cursor.take(48), "label", `${copy}.label`), "");
  const algorithm = text(cursor.take(32), "checksum_algorithm", `${copy}.checksum_alg`);
  requireEqual("checksum_algorithm", `${copy}.checksum_alg`, algorithm, "sha256");
  cursor.take(64); // salt: random, makes the two copies' checksums differ
  const uuid = text(cursor.take(40), "uuid", `${copy}.uuid`);
  requireEqual("label", `${copy}.subsystem`, text(cursor.take(48), "label", `${copy}.subsystem`), "");
  requireEqual("header_offset", `${copy}.hdr_offset`, Number(cursor.u64be()), start);
  requireZero(cursor.take(184), `${copy}.padding`);
  const checksum = cursor.take(CHECKSUM_SIZE);
  requireZero(cursor.rest(), `${copy}.padding4096`);
  requireZero(checksum.subarray(DIGEST_SIZE), `${copy}.csum`);
  const wanted = computeChecksum(bytes);
  if (!equalConstantTime(checksum.subarray(0, DIGEST_SIZE), wanted)) {
    throw new LuksError("checksum", `${copy}.csum`, hex(checksum.subarray(0, DIGEST_SIZE)), hex(wanted));
  }
  return { sequenceId, uuid, json: jsonText(bytes.subarray(BINARY_SIZE_BYTES), `${copy}.json`) };
}

/** SHA-256 over one copy with the checksum field zeroed (specification section 2.1, field "csum"). */
export function computeChecksum(copyBytes: Uint8Array): Uint8Array {
  const zeroed = Uint8Array.from(copyBytes);
  zeroed.fill(0, CHECKSUM_OFFSET, CHECKSUM_OFFSET + CHECKSUM_SIZE);
  return new Uint8Array(createHash("sha256").update(zeroed).digest());
}

function jsonText(bytes: Uint8Array, field: string): string {
  const end = bytes.indexOf(0);
  if (end < 0) throw new LuksError("json", field, "no end", "a zero byte after the JSON text");
  // What a parser would not look at must not be there: cryptsetup stops at the first zero, so may another reader not.
  const after = bytes.subarray(end).findIndex((byte) => byte !== 0);
  if (after >= 0) throw new LuksError("json", field, `garbage at byte ${end + after}`, "zeros after the JSON text");
  return ascii(bytes.subarray(0, end), "json", field);
}

function text(bytes: Uint8Array, code: "label" | "uuid" | "checksum_algorithm", field: string): string {
  const end = bytes.indexOf(0);
  const used = end < 0 ? bytes : bytes.subarray(0, end);
  requireZero(bytes.subarray(used.length), field);
  return ascii(used, code, field);
}

function ascii(bytes: Uint8Array, code: "json" | "label" | "uuid" | "checksum_algorithm", field: string): string {
  const bad = bytes.findIndex((byte) => byte < 0x20 || byte > 0x7e);
  if (bad >= 0) throw new LuksError(code, field, `byte ${bytes[bad]} at ${bad}`, "printable ASCII");
  return Buffer.from(bytes).toString("latin1");
}

function requireZero(bytes: Uint8Array, field: string): void {
  const at = bytes.findIndex((byte) => byte !== 0);
  if (at >= 0) throw new LuksError("padding", field, `byte ${bytes[at]} at ${at}`, "zeros");
}

function requireEqual<C extends "version" | "header_size" | "header_offset" | "label" | "checksum_algorithm">(
  code: C,
  field: string,
  got: unknown,
  wanted: unknown,
): void {
  if (got !== wanted) throw new LuksError(code, field, got, wanted);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
