import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Exec } from "@constellation/exec";
import type { Log } from "../log/log.ts";

const INTERVAL_MS = 30_000;

/**
 * Keeps etcd in the real-time I/O class: its log waits for the disk that all pods share. The kubelet may start etcd
 * again at any time, so this looks again and again.
 */
export async function keepEtcdPriority(exec: Exec, log: Log, signal: AbortSignal): Promise<void> {
  let known: string | undefined;
  while (!signal.aborted) {
    const pid = known !== undefined && (await isNamed(known, "etcd")) ? known : await findProcess("etcd");
    if (pid !== undefined && pid !== known) {
      try {
        const threads = await readdir(`/proc/${pid}/task`);
        await exec({ program: "ionice", args: ["-c1", "-n0", "-p", ...threads] }, signal);
        known = pid;
      } catch (error) {
        log.warn("etcd keeps its I/O priority", { pid, error: String(error) });
      }
    }
    await delay(INTERVAL_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function findProcess(name: string): Promise<string | undefined> {
  for (const pid of await readdir("/proc")) {
    if (/^\d+$/.test(pid) && (await isNamed(pid, name))) return pid;
  }
  return undefined;
}

async function isNamed(pid: string, name: string): Promise<boolean> {
  return (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim() === name;
}
