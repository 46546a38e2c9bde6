import { statfs } from "node:fs/promises";
import { exec, ExecError } from "@constellation/exec";
import { LocalVolumeError } from "./errors.ts";

/** What the driver has of the node beside files: tests put others in place. */
export interface NodeSystem {
  /** Where sysfs is mounted. */
  readonly sysfs: string;
  /** Where device nodes are. */
  readonly dev: string;
  /** The table of mounts of this process. */
  readonly mountinfo: string;
  /** Runs a program to its end and gives its output. @throws LocalVolumeError `system_failed` */
  run(program: string, args: readonly string[], signal: AbortSignal): Promise<string>;
  /** Size of the file system at a path, and what is left of it for us. */
  statfs(path: string): Promise<FileSystemSpace>;
}

/** Bytes of a file system. */
export interface FileSystemSpace {
  readonly totalBytes: number;
  readonly availableBytes: number;
}

const TIMEOUT_MS = 60_000;
const TAIL_CHARS = 500;

/** The node that this process runs on. */
export const nodeSystem: NodeSystem = {
  sysfs: "/sys",
  dev: "/dev",
  mountinfo: "/proc/self/mountinfo",
  async run(program, args, signal) {
    try {
      return (await exec({ program, args, timeoutMs: TIMEOUT_MS }, signal)).stdout;
    } catch (cause) {
      if (!(cause instanceof ExecError)) throw cause;
      const got = `got "${cause.exitCode ?? cause.code}", wanted "0"`;
      const tail = cause.stderrTail.slice(-TAIL_CHARS).trim();
      const message = `Run ${program} ${args[0] ?? ""} failed: ${got}${tail === "" ? "" : `: ${tail}`}`;
      throw new LocalVolumeError("system_failed", message, { cause });
    }
  },
  async statfs(path) {
    const { bsize, blocks, bavail } = await statfs(path);
    return { totalBytes: blocks * bsize, availableBytes: bavail * bsize };
  },
};
