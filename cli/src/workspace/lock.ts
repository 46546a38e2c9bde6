import { readFileSync } from "node:fs";
import { readFile, rename, rm } from "node:fs/promises";
import { CliError } from "../errors.ts";
import { createFileExclusive } from "./atomic-file.ts";

/** Name of the lock file in a workspace; it is there only while a command changes the cluster. */
export const LOCK_FILE = "constellation.lock";

interface Holder {
  readonly pid: number;
  readonly started: string;
}

/**
 * Runs work while no other command changes the same workspace. The lock of a command that was killed is taken over.
 *
 * @throws CliError `workspace-locked` if another command is at work
 */
export async function withLock<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  await take(path);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(path: string): Promise<void> {
  const own: Holder = { pid: process.pid, started: startOf(process.pid) ?? "" };
  for (let tries = 0; tries < 3; tries++) {
    try {
      await createFileExclusive(path, `${JSON.stringify(own)}\n`, 0o600);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const text = await readFile(path, "utf8").catch(() => "");
    const holder = parseHolder(text);
    if (holder !== undefined && startOf(holder.pid) === holder.started) throw locked(holder.pid);
    await removeStale(path, text);
  }
  throw locked(undefined);
}

/** Moves the stale lock away before it is deleted: if another command was quicker, its new lock is put back. */
async function removeStale(path: string, staleText: string): Promise<void> {
  const aside = `${path}.${process.pid}`;
  await rename(path, aside).catch(() => undefined);
  const moved = await readFile(aside, "utf8").catch(() => staleText);
  if (moved === staleText) await rm(aside, { force: true });
  else await rename(aside, path);
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder>;
    return typeof value.pid === "number" && typeof value.started === "string"
      ? { pid: value.pid, started: value.started }
      : undefined;
  } catch {
    return undefined;
  }
}

/** When a process was started, in clock ticks since boot (proc(5), stat field 22); undefined if there is none. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function locked(pid: number | undefined): CliError {
  const who = pid === undefined ? "another command" : `another command (process ${pid})`;
  return new CliError("workspace-locked", `Open workspace failed: ${who} is changing this cluster`, {
    hint: "wait until it has ended, or stop it with Ctrl-C",
  });
}
