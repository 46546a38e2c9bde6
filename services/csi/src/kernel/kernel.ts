import { type Command, type Exec, ExecError, type Output } from "@constellation/exec";
import { Cryptsetup, type LeftOvers, removeLeftOvers } from "@constellation/luks";
import { CsiError } from "../errors.ts";
import type { Files } from "./files.ts";
import { findMapping, type Mapping } from "./mappings.ts";
import { type Mount, parseMountTable } from "./mount-table.ts";

const MOUNT_TIMEOUT_MS = 120_000;
/** Everything that writes to a whole volume, whose size nobody knows. */
const WHOLE_VOLUME_TIMEOUT_MS = 24 * 3600_000;

/** What is mounted where, and how. */
export interface MountOptions {
  readonly source: string;
  readonly target: string;
  /** File system; undefined for a bind mount. */
  readonly type?: string;
  readonly flags?: readonly string[];
}

/** The kernel's devices and mounts. All state is asked of the kernel: nothing is remembered between calls. */
export class Kernel {
  readonly files: Files;
  readonly cryptsetup: Cryptsetup;
  readonly #exec: Exec;

  constructor(exec: Exec, files: Files) {
    this.#exec = exec;
    this.files = files;
    this.cryptsetup = new Cryptsetup((command, signal) => this.run(command, signal));
  }

  /** Runs a program. @throws CsiError `kernel` */
  async run(command: Command, signal: AbortSignal): Promise<Output> {
    try {
      return await this.#exec(command, signal);
    } catch (cause) {
      const detail = cause instanceof ExecError ? cause.message : "could not be run";
      throw new CsiError("kernel", `Run ${command.program} for volume failed: ${detail}`, { cause });
    }
  }

  async mapping(name: string): Promise<Mapping | undefined> {
    return await findMapping(this.files, name);
  }

  /** Takes away what a cryptsetup that was cut off has left; what is complete or in use stays. */
  async removeLeftOvers(of: LeftOvers, signal: AbortSignal): Promise<void> {
    await removeLeftOvers((command) => this.run(command, signal), of, signal);
  }

  async mounts(): Promise<Mount[]> {
    return parseMountTable(await this.files.readText("/proc/self/mountinfo"));
  }

  /** Every mount of a mapping: of its file system, or of its device node, which is a file in devtmpfs. */
  async mountsOf(mapping: Mapping): Promise<Mount[]> {
    const node = mapping.path.slice("/dev".length);
    return (await this.mounts()).filter(
      ({ device, type, root }) => device === mapping.device || (type === "devtmpfs" && root === node),
    );
  }

  /** The mount that is seen at a path: the last one there. */
  async mountAt(target: string): Promise<Mount | undefined> {
    return (await this.mounts()).findLast((mount) => mount.target === target);
  }

  async mount({ source, target, type, flags = [] }: MountOptions, signal: AbortSignal): Promise<void> {
    const how = type === undefined ? ["--bind"] : ["-t", type];
    const options = flags.length === 0 ? [] : ["-o", flags.join(",")];
    const args = [...how, ...options, source, target];
    await this.run({ program: "mount", args, timeoutMs: MOUNT_TIMEOUT_MS }, signal);
  }

  /** Makes a bind mount read-only. */
  async remountReadOnly(target: string, signal: AbortSignal): Promise<void> {
    const args = ["-o", "remount,bind,ro", target];
    await this.run({ program: "mount", args, timeoutMs: MOUNT_TIMEOUT_MS }, signal);
  }

  /** Takes away every mount at a path; none is taken away already. */
  async unmount(target: string, signal: AbortSignal): Promise<void> {
    while ((await this.mountAt(target)) !== undefined) {
      await this.run({ program: "umount", args: [target], timeoutMs: MOUNT_TIMEOUT_MS }, signal);
    }
  }

  async sizeBytes(device: string, signal: AbortSignal): Promise<number> {
    const { stdout } = await this.run({ program: "blockdev", args: ["--getsize64", device] }, signal);
    const size = Number(stdout.trim());
    if (Number.isSafeInteger(size) && size > 0) return size;
    throw new CsiError("kernel", `Read size of device failed: got ${JSON.stringify(stdout.trim())}, wanted a size`);
  }

  /** Writes zeros, past the page cache. */
  async zero(device: string, range: { offset: number; length: number }, signal: AbortSignal): Promise<void> {
    const where = ["--offset", String(range.offset), "--length", String(range.length)];
    const args = ["--force", "--zeroout", ...where, device];
    await this.run({ program: "blkdiscard", args, timeoutMs: WHOLE_VOLUME_TIMEOUT_MS }, signal);
  }

  async makeFileSystem(program: string, args: readonly string[], signal: AbortSignal): Promise<void> {
    await this.run({ program, args, timeoutMs: WHOLE_VOLUME_TIMEOUT_MS }, signal);
  }
}
