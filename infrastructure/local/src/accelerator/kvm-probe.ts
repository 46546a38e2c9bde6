import { spawn } from "node:child_process";
import { access, constants, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { makePrivateFolder, readJson, writeFileAtomic } from "../host/atomic-file.ts";
import { cacheFolder } from "../host/cache-folder.ts";
import { bootId } from "../host/process-identity.ts";
import { firmware, toolCommand } from "../tools-tree.ts";
import { escapeValue } from "../vm/arguments.ts";
import { extractKernel } from "./uki-kernel.ts";

/** Whether KVM runs guests on this machine, and how that is known. */
export interface KvmVerdict {
  works: boolean;
  reason: string;
}

/** A stock kernel comes to its end in two to three seconds where KVM works. */
const PROBE_TIMEOUT_MS = 15_000;

/** As much of QEMU's complaints as a reason may hold. */
const COMPLAINT_CHARACTERS = 300;

/** What the kernel says last when it has come up and finds no root file system. */
const SIGN_OF_LIFE = "VFS: Unable to mount root fs";

/**
 * Whether KVM really boots a kernel here. A /dev/kvm that opens proves nothing: some hosts offer one on which real mode
 * runs and every stock kernel hangs. So the node image's own kernel is booted under UEFI without a root file system,
 * and must panic over that in time. The answer is kept until the machine boots again.
 */
export async function probeKvm(imagePath: string, signal?: AbortSignal): Promise<KvmVerdict> {
  try {
    await access("/dev/kvm", constants.R_OK | constants.W_OK);
  } catch {
    return { works: false, reason: "/dev/kvm is absent or not accessible to this user" };
  }
  const cache = await cachePath();
  const cached = (await readJson(cache).catch(() => undefined)) as (KvmVerdict & { bootId: string }) | undefined;
  if (cached?.bootId === bootId()) return { works: cached.works, reason: `${cached.reason} (probed earlier)` };
  const verdict = await bootProbe(imagePath, signal);
  if (verdict === undefined) return { works: false, reason: "no kernel to probe with was found in the image" };
  await writeFileAtomic(cache, JSON.stringify({ ...verdict, bootId: bootId() }));
  return verdict;
}

async function cachePath(): Promise<string> {
  const folder = cacheFolder();
  await makePrivateFolder(folder);
  return join(folder, "kvm-probe.json");
}

async function bootProbe(imagePath: string, signal: AbortSignal | undefined): Promise<KvmVerdict | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "constellation-kvm-probe-"));
  try {
    const kernel = await extractKernel(imagePath, folder, signal);
    if (kernel === undefined) return undefined;
    return await bootKernel(
      kernel,
      join(folder, "console.log"),
      ["-accel", "kvm", "-cpu", "host"],
      PROBE_TIMEOUT_MS,
      signal,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Boots `kernel` without a root file system; it works when the kernel panics over that and QEMU then ends. */
export async function bootKernel(
  kernel: string,
  consoleLog: string,
  accelerator: string[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<KvmVerdict> {
  const qemu = toolCommand("qemu-system-x86_64");
  const child = spawn(qemu.program, [...qemu.args, ...probeArguments(kernel, consoleLog), ...accelerator], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-COMPLAINT_CHARACTERS);
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once("exit", (code) => resolve(code));
    child.once("error", () => resolve(null));
  });
  const timer = new AbortController();
  const bounds = signal === undefined ? timer.signal : AbortSignal.any([timer.signal, signal]);
  const late = delay(timeoutMs, "late" as const, { signal: bounds }).catch(() => "late" as const);
  const outcome = await Promise.race([ended, late]);
  timer.abort();
  if (outcome === "late") {
    child.kill("SIGKILL");
    await ended;
    signal?.throwIfAborted();
    return { works: false, reason: `a stock kernel did not boot within ${timeoutMs / 1000} s` };
  }
  const alive = (await readFile(consoleLog, "latin1").catch(() => "")).includes(SIGN_OF_LIFE);
  if (alive && outcome === 0) return { works: true, reason: "a stock kernel booted" };
  const why = complaint.trim().split("\n").at(-1) ?? "";
  return { works: false, reason: `QEMU ended before the probe's kernel was up (${why === "" ? outcome : why})` };
}

function probeArguments(kernel: string, consoleLog: string): string[] {
  const { code } = firmware();
  return [
    ["-machine", "q35", "-m", "512M", "-smp", "1", "-nodefaults", "-no-user-config", "-display", "none"],
    ["-drive", `if=pflash,format=raw,unit=0,readonly=on,file=${escapeValue(code)}`],
    ["-kernel", kernel, "-append", "console=ttyS0 panic=-1", "-no-reboot"],
    ["-serial", `file:${consoleLog}`],
  ].flat();
}
