import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { CliError, isNoSpace, NO_SPACE_HINT } from "../errors.ts";

/**
 * Writes a file so that it has its old or its new content after a crash, never something between: a new file beside it
 * is written, synced and renamed over it.
 *
 * @throws CliError `no-space`
 */
export async function writeFileAtomic(path: string, data: string, mode: number): Promise<void> {
  await writing(path, () => replaceFile(path, data, mode));
}

/**
 * Runs work that writes to a path.
 *
 * @throws CliError `no-space` that names the path, where its file system is full
 */
export async function writing<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (!isNoSpace(cause)) throw cause;
    throw new CliError("no-space", `Write ${path} failed: no space is left on its file system`, {
      cause,
      hint: NO_SPACE_HINT,
    });
  }
}

async function replaceFile(path: string, data: string, mode: number): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await writeSynced(temporary, data, mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/**
 * Creates a file with its content; fails with `EEXIST` if something of that name is there. Readers see all or nothing.
 *
 * @throws CliError `no-space`
 */
export async function createFileExclusive(path: string, data: string, mode: number): Promise<void> {
  try {
    await writing(path, () => writeSynced(path, data, mode));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") await rm(path, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

async function writeSynced(path: string, data: string, mode: number): Promise<void> {
  const file = await open(path, "wx", mode);
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Brings the names in a folder to the disk. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
