import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { readFile, stat, statfs } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import type { MachinePort } from "../ports/machine.ts";

const MIB = 1024 * 1024;

/** This computer. */
export const systemMachine: MachinePort = {
  platform: () => ({ os: process.platform, architecture: process.arch }),
  cpuCount: () => availableParallelism(),
  memory() {
    const text = readFileSync("/proc/meminfo", "utf8");
    return { totalMiB: meminfoMiB(text, "MemTotal"), availableMiB: meminfoMiB(text, "MemAvailable") };
  },
  async freeDiskMiB(folder) {
    const { bavail, bsize } = await statfs(nearestExisting(folder));
    return Math.floor((bavail * bsize) / MIB);
  },
  async sha256(path, signal) {
    if (!existsSync(path)) return undefined;
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(path, { highWaterMark: MIB, signal })) hash.update(chunk as Uint8Array);
    return hash.digest("hex");
  },
  readText: (path) => orUndefined(readFile(path, "utf8")),
  fileSizeBytes: async (path) => {
    const found = await orUndefined(stat(path));
    return found?.isFile() === true ? found.size : undefined;
  },
};

function meminfoMiB(text: string, field: string): number {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  return Math.floor(Number(kibibytes ?? 0) / 1024);
}

function nearestExisting(folder: string): string {
  let path = folder;
  while (!existsSync(path) && dirname(path) !== path) path = dirname(path);
  return path;
}

async function orUndefined<Result>(promise: Promise<Result>): Promise<Result | undefined> {
  try {
    return await promise;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
