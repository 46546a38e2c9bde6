import { constants } from "node:fs";
import { lstat, open, readFile, rm, stat } from "node:fs/promises";
import { LocalVolumeError } from "./errors.ts";
import type { LoopDevice } from "./loop-devices.ts";
import type { NodeSystem } from "./system.ts";

/** Device nodes shown at other paths by bind mounts, as CSI wants block volumes published. */
export class BindMounts {
  readonly #system: NodeSystem;

  constructor(system: NodeSystem) {
    this.#system = system;
  }

  /** Shows a device at the path, and takes away what was shown there before. Safe to repeat. */
  async ensure(device: LoopDevice, target: string, signal: AbortSignal): Promise<void> {
    if ((await this.#count(target)) > 0) {
      if ((await this.deviceAt(target)) === device.number) return;
      await this.remove(target, signal);
    }
    await makeFile(target);
    await this.#system.run("mount", ["--bind", device.path, target], signal);
  }

  /** Takes away what is shown at the path, and the path. Safe to repeat. */
  async remove(target: string, signal: AbortSignal): Promise<void> {
    for (let left = await this.#count(target); left > 0; left--) await this.#system.run("umount", [target], signal);
    const found = await lstat(target).catch(unlessMissing);
    if (found === undefined) return;
    if (!found.isFile()) throw unexpected(target);
    await rm(target);
  }

  /** `major:minor` of the block device that is seen at a path, or undefined. */
  async deviceAt(path: string): Promise<string | undefined> {
    const found = await stat(path).catch(unlessMissing);
    return found?.isBlockDevice() === true ? deviceNumber(found.rdev) : undefined;
  }

  async #count(target: string): Promise<number> {
    const table = await readFile(this.#system.mountinfo, "utf8");
    return table.split("\n").filter((line) => unescaped(line.split(" ")[4] ?? "") === target).length;
  }
}

/** `major:minor` of a device as stat(2) packs it (gnu_dev_major, gnu_dev_minor). */
export function deviceNumber(rdev: number): string {
  const device = BigInt(rdev);
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

async function makeFile(path: string): Promise<void> {
  const { O_RDONLY, O_CREAT, O_NOFOLLOW } = constants;
  const file = await open(path, O_RDONLY | O_CREAT | O_NOFOLLOW, 0o600);
  try {
    if (!(await file.stat()).isFile()) throw unexpected(path);
  } finally {
    await file.close();
  }
}

function unexpected(path: string): LocalVolumeError {
  const got = JSON.stringify(path.slice(-120));
  return new LocalVolumeError(
    "argument_invalid",
    `Publish volume failed: target_path: got ${got}, wanted a file's path`,
  );
}

/** Blanks, tabs, line ends and backslashes stand as three octal digits (proc_pid_mountinfo(5)). */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}
