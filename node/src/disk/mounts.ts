import { mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { NodeError } from "../errors.ts";
import type { Exec } from "@constellation/exec";

/** Directories of the running system that live on the state disk. */
const BINDS = [
  { source: "var", target: "/var" },
  { source: "etc-kubernetes", target: "/etc/kubernetes" },
  { source: "etc-cni", target: "/etc/cni" },
] as const;

/** What must exist in a new /var before anything looks there. */
const SKELETON = [
  "var/lib",
  "var/lib/constellation",
  "var/lib/containerd",
  "var/lib/etcd",
  "var/lib/kubelet",
  "var/log",
  "var/log/kubernetes/audit",
  "var/cache",
  "var/spool",
  "var/tmp",
  "etc-kubernetes/pki/constellation",
  "etc-kubernetes/manifests",
  "etc-kubernetes/constellation",
  "etc-cni/net.d",
] as const;

const PRIVATE = new Set(["var/lib/constellation", "var/lib/etcd", "etc-kubernetes/pki/constellation"]);

export interface MountOptions {
  device: string;
  stateMount: string;
}

/** Mounts the opened state disk and binds its directories into place. What is mounted already stays. */
export async function mountState(options: MountOptions, exec: Exec, signal: AbortSignal): Promise<void> {
  const { device, stateMount } = options;
  await mkdir(stateMount, { recursive: true, mode: 0o755 });
  if (!(await isMounted(stateMount))) {
    // An I/O error of the disk means tampering or damage: no write after it is to be trusted.
    await mount(["-t", "ext4", "-o", "noatime,errors=remount-ro", device, stateMount], exec, signal);
  }
  for (const directory of SKELETON) {
    const mode = PRIVATE.has(directory) ? 0o700 : 0o755;
    await mkdir(join(stateMount, directory), { recursive: true, mode });
  }
  for (const { source, target } of BINDS) {
    if (await isMounted(target)) continue;
    await mkdir(target, { recursive: true, mode: 0o755 });
    await mount(["--bind", join(stateMount, source), target], exec, signal);
  }
  // What systemd and others keep below /var/run and /var/lock is in memory.
  await linkIfMissing("../run", join(stateMount, "var/run"));
  await linkIfMissing("../run/lock", join(stateMount, "var/lock"));
}

/**
 * Brings everything written so far to the disk. Our own files are there already, those of kubeadm and others may not be:
 * after a power cut, a committed node must find them all.
 */
export async function syncState(stateMount: string, exec: Exec, signal: AbortSignal): Promise<void> {
  try {
    await exec({ program: "sync", args: ["--file-system", stateMount] }, signal);
  } catch (cause) {
    throw new NodeError("disk", "Write state to disk failed", { cause });
  }
}

/** Whether something is mounted there, as the kernel sees it (proc_pid_mountinfo(5), field 5). */
async function isMounted(target: string): Promise<boolean> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  return table.split("\n").some((line) => line.split(" ")[4] === target);
}

async function linkIfMissing(target: string, path: string): Promise<void> {
  try {
    await symlink(target, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

async function mount(args: string[], exec: Exec, signal: AbortSignal): Promise<void> {
  try {
    await exec({ program: "mount", args, timeoutMs: 120_000 }, signal);
  } catch (cause) {
    throw new NodeError("mount", `Mount "${args.at(-1)}" failed`, { cause });
  }
}
