import { copyFile, open, rename, rm } from "node:fs/promises";
import { constants } from "node:fs";
import { systemErrorCode } from "../errors.ts";
import { writing } from "../host/no-space.ts";

/**
 * Makes a sparse disk of `sizeBytes`, unless it is there already; an existing one keeps its content and size.
 * @throws LocalError "no-space"
 */
export async function makeSparseDisk(path: string, sizeBytes: number): Promise<void> {
  await writing(path, () => makeOnce(path, sizeBytes));
}

async function makeOnce(path: string, sizeBytes: number): Promise<void> {
  try {
    const file = await open(path, "wx", 0o600);
    try {
      await file.truncate(sizeBytes);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw error;
  }
}

/**
 * Copies `from` to `to` unless `to` is there already; a copy that was cut off is never taken for a whole one.
 * @throws LocalError "no-space"
 */
export async function copyOnce(from: string, to: string): Promise<void> {
  const temporary = `${to}.tmp`;
  await rm(temporary, { force: true });
  try {
    const existing = await open(to, "r");
    await existing.close();
    return;
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
  }
  await writing(to, () => copyFile(from, temporary, constants.COPYFILE_EXCL));
  await rename(temporary, to);
}
