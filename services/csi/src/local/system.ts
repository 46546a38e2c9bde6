import { execFile } from "node:child_process";
import { statfs } from "node:fs/promises";
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
  run(program, args, signal) {
    return new Promise((resolve, reject) => {
      execFile(program, args, { signal, timeout: TIMEOUT_MS, encoding: "utf8" }, (cause, stdout, stderr) => {
        if (cause === null) return resolve(stdout);
        const what = `Run ${program} ${args[0] ?? ""} failed`;
        const got = `got "${cause.code ?? cause.signal ?? "no end in time"}", wanted "0"`;
        const tail = stderr.slice(-TAIL_CHARS).trim();
        reject(new LocalVolumeError("system_failed", `${what}: ${got}${tail === "" ? "" : `: ${tail}`}`, { cause }));
      });
    });
  },
  async statfs(path) {
    const { bsize, blocks, bavail } = await statfs(path);
    return { totalBytes: blocks * bsize, availableBytes: bavail * bsize };
  },
};
