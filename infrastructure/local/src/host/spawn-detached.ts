import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import type { ToolCommand } from "../tools-tree.ts";
import { LocalError } from "../errors.ts";
import { writing } from "./no-space.ts";
import { identify, TAG_VARIABLE, type ProcessIdentity } from "./process-identity.ts";

/** What {@link spawnDetached} starts. */
export interface DetachedProcess {
  command: ToolCommand;
  args: string[];
  /** Mark by which the process is found again when its starter dies before it wrote the identity down. */
  tag: string;
  /** File that gets standard output and error; replaced at each start. */
  logPath: string;
}

/** Variables that a detached process keeps; nothing else of the caller's environment goes into it. */
const KEPT_VARIABLES = ["PATH", "HOME", "TMPDIR", "LANG"];

/**
 * Starts a process in its own session, so that it survives this one.
 * @throws LocalError "process-died" when it could not be started
 */
export async function spawnDetached(options: DetachedProcess): Promise<ProcessIdentity> {
  const log = await writing(options.logPath, () => open(options.logPath, "w", 0o600));
  try {
    const kept = KEPT_VARIABLES.filter((name) => process.env[name] !== undefined).map((n) => [n, process.env[n]]);
    const child = spawn(options.command.program, [...options.command.args, ...options.args], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      env: { ...Object.fromEntries(kept), [TAG_VARIABLE]: options.tag },
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    child.unref();
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity !== undefined) return identity;
  } catch (cause) {
    throw new LocalError("process-died", `Start "${options.command.program}" failed`, { cause });
  } finally {
    await log.close();
  }
  throw new LocalError("process-died", `Start "${options.tag}" failed: it ended at once, see "${options.logPath}"`);
}
