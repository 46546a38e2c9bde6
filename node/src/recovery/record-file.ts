import { access, readFile, rm } from "node:fs/promises";
import { writeFileAtomic } from "../disk/files.ts";
import { PATHS } from "../options.ts";
import { type RecoveryRecord, serializeRecord, takeRecordBytes } from "./record.ts";
import type { SealedSlot } from "./keep-sealed.ts";

/**
 * Keeps a record on the encrypted state disk, from which it is sealed anew when the image has changed, and the mark of
 * the slot in which it is sealed now. Without a record, or a slot, there is no such file.
 */
export async function writeRecord(
  root: string,
  record: RecoveryRecord | undefined,
  slot: SealedSlot | undefined,
): Promise<void> {
  await writeMark(root, slot);
  if (record === undefined) return await rm(root + PATHS.recoveryRecord, { force: true });
  const bytes = serializeRecord(record);
  try {
    await writeFileAtomic(root + PATHS.recoveryRecord, bytes, 0o600);
  } finally {
    bytes.fill(0);
  }
}

/** The record of this node; undefined where its cluster has no external KMS. @throws NodeError `request` */
export async function readRecord(root: string): Promise<RecoveryRecord | undefined> {
  const bytes = await readIfThere(root + PATHS.recoveryRecord);
  return bytes && takeRecordBytes(bytes);
}

/** Whether this node's cluster has an external KMS. */
export async function hasRecord(root: string): Promise<boolean> {
  try {
    await access(root + PATHS.recoveryRecord);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Writes the mark of the slot that is now on the disk. */
export async function writeMark(root: string, slot: SealedSlot | undefined): Promise<void> {
  if (slot === undefined) return await rm(root + PATHS.recoveryMark, { force: true });
  await writeFileAtomic(root + PATHS.recoveryMark, slot.mark, 0o600);
}

/** The mark of the slot that was last written. */
export function readMark(root: string): Promise<Uint8Array | undefined> {
  return readIfThere(root + PATHS.recoveryMark);
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
