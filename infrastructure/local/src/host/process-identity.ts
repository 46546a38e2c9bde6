import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { LocalError, systemErrorCode } from "../errors.ts";

/** A process for as long as it lives: a pid alone may be given to another process later, the pair never is. */
export interface ProcessIdentity {
  pid: number;
  /** Field 22 of /proc/<pid>/stat: clock ticks from boot to the start of the process. */
  startTime: string;
  /** The boot in which the pair is meant: start times begin again at each boot. */
  bootId: string;
}

/** The name of the environment variable that marks the processes of a workspace, so that lost ones are found again. */
export const TAG_VARIABLE = "CONSTELLATION_LOCAL_PROCESS";

/** This boot of the machine. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** Fields of /proc/<pid>/stat after the command name, which may itself contain spaces and parentheses. */
export function parseStat(stat: string): { state: string; startTime: string } | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTime] = [fields[0], fields[19]];
  return state === undefined || startTime === undefined ? undefined : { state, startTime };
}

/** The identity of the process `pid`, or undefined when there is none (a zombie is none). */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    const stat = parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
    if (stat === undefined || stat.state === "Z" || stat.state === "X") return undefined;
    return { pid, startTime: stat.startTime, bootId: bootId() };
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes(systemErrorCode(error) ?? "")) return undefined;
    throw error;
  }
}

/** Whether exactly this process still runs; false for another process that got its pid. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== undefined && now.startTime === identity.startTime && now.bootId === identity.bootId;
}

/** Processes of this user whose environment carries `tag`; finds what was started just before its starter was killed. */
export function findByTag(tag: string): ProcessIdentity[] {
  return findTagged((found) => found === tag);
}

/** Processes of this user whose tag begins with `prefix`. */
export function findByTagPrefix(prefix: string): ProcessIdentity[] {
  return findTagged((found) => found.startsWith(prefix));
}

function findTagged(matches: (tag: string) => boolean): ProcessIdentity[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => pid !== process.pid && matches(tagOf(pid) ?? ""))
    .map((pid) => identify(pid))
    .filter((identity) => identity !== undefined);
}

function tagOf(pid: number): string | undefined {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    return variables.find((variable) => variable.startsWith(`${TAG_VARIABLE}=`))?.slice(TAG_VARIABLE.length + 1);
  } catch {
    return undefined; // gone meanwhile, or another user's
  }
}

/** Bounds of {@link endProcess}. */
const TERM_BOUND_MS = 5_000;
const KILL_BOUND_MS = 10_000;

/**
 * Ends exactly this process: SIGTERM, and SIGKILL when it has not gone after a while.
 * @throws LocalError "process-stuck"
 */
export async function endProcess(identity: ProcessIdentity, termBoundMs: number = TERM_BOUND_MS): Promise<void> {
  if (await signalAndWait(identity, "SIGTERM", termBoundMs)) return;
  if (await signalAndWait(identity, "SIGKILL", KILL_BOUND_MS)) return;
  throw new LocalError("process-stuck", `End process failed: pid "${identity.pid}" still runs after SIGKILL`);
}

async function signalAndWait(identity: ProcessIdentity, signal: NodeJS.Signals, boundMs: number): Promise<boolean> {
  if (!isAlive(identity)) return true;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if (systemErrorCode(error) !== "ESRCH") throw error;
  }
  for (let waited = 0; waited < boundMs; waited += 20) {
    if (!isAlive(identity)) return true;
    await delay(20);
  }
  return !isAlive(identity);
}
