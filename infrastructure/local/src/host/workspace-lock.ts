import { randomBytes } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { LocalError, systemErrorCode } from "../errors.ts";
import { writing } from "./no-space.ts";
import { identify, isAlive, type ProcessIdentity } from "./process-identity.ts";

/**
 * Runs `work` while this process alone holds the lock file `path`. A lock left by a process that died is taken over.
 * @throws LocalError "workspace-busy" when another live process holds it
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await acquire(path);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string): Promise<void> {
  const mine = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await writing(path, () => writeFile(mine, JSON.stringify(identify(process.pid)), { mode: 0o600 }));
    for (let attempt = 0; attempt < 3; attempt++) {
      if (await tryLink(mine, path)) return;
      await removeStale(path);
    }
    throw busy(path, undefined);
  } finally {
    await rm(mine, { force: true });
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** Moves a dead holder's lock away; what was moved is looked at again, as another taker may have been quicker. */
async function removeStale(path: string): Promise<void> {
  const holder = await readHolder(path);
  if (holder !== undefined && isAlive(holder)) throw busy(path, holder);
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return;
    throw error;
  }
  const moved = await readHolder(aside);
  if (moved !== undefined && isAlive(moved)) await tryLink(aside, path);
  await rm(aside, { force: true });
}

async function readHolder(path: string): Promise<ProcessIdentity | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as ProcessIdentity;
  } catch {
    return undefined; // gone, or cut off while written: nobody holds it
  }
}

function busy(path: string, holder: ProcessIdentity | undefined): LocalError {
  const who = holder === undefined ? "another process" : `the process with pid "${holder.pid}"`;
  return new LocalError("workspace-busy", `Lock workspace failed: ${who} holds "${path}"`, {
    hint: "wait until the other command has ended",
  });
}
