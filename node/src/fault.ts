import { existsSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";

declare const __DEBUG_IMAGE__: boolean | undefined;

const FAULT_FILE = "/run/constellation/fault";

/** Where the agent can be told to die, in the debug image only. Every name is one row of the table in README.md. */
export type FaultPoint =
  | "disk.after-format"
  | "init.after-lock"
  | "init.after-rekey"
  | "init.after-pcr"
  | "init.after-state"
  | "init.after-certificates"
  | "init.after-control-plane"
  | "init.after-secrets"
  | "init.after-commit"
  | "init.after-manifests"
  | "join.after-ticket"
  | "join.after-rekey"
  | "join.after-pcr"
  | "join.after-files"
  | "join.after-commit"
  | "join.after-kubelet"
  | "join.after-etcd"
  | "join.after-control-plane"
  | "rekey.after-slot"
  | "rekey.after-second-header"
  | "rekey.after-wipe";

/**
 * Kills the agent with SIGKILL if this point is the next one that the fault file names, one in each line; the line goes.
 * In a release bundle `__DEBUG_IMAGE__` is the constant false and this function is empty.
 */
export function faultPoint(point: FaultPoint): void {
  if (typeof __DEBUG_IMAGE__ === "undefined" || !__DEBUG_IMAGE__) return;
  if (!existsSync(FAULT_FILE)) return;
  const [next, ...later] = readFileSync(FAULT_FILE, "utf8").trim().split(/\s+/);
  if (next !== point) return;
  if (later.length === 0) unlinkSync(FAULT_FILE);
  else writeFileSync(FAULT_FILE, later.join("\n"));
  process.kill(process.pid, "SIGKILL");
  // The signal is delivered asynchronously: nothing after the point may run.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
