import { NodeError } from "../errors.ts";
import type { Exec } from "@constellation/exec";

/** The units that the agent starts when their time has come. */
export type Unit = "containerd.service" | "kubelet.service";

/** The part of systemd that the agent uses. */
export interface Systemd {
  start(unit: Unit, signal: AbortSignal): Promise<void>;
  reboot(signal: AbortSignal): Promise<void>;
  /** The last lines of the journal of this boot. */
  journalTail(lines: number, signal: AbortSignal): Promise<string>;
}

/** systemd through its own programs. Each method throws NodeError `systemd`. */
export function createSystemd(exec: Exec): Systemd {
  const run = async (program: string, args: string[], signal: AbortSignal): Promise<string> => {
    try {
      return (await exec({ program, args, timeoutMs: 5 * 60_000 }, signal)).stdout;
    } catch (cause) {
      throw new NodeError("systemd", `Run ${program} ${args.join(" ")} failed`, { cause });
    }
  };
  return {
    start: async (unit, signal) => {
      await run("systemctl", ["start", unit], signal);
    },
    reboot: async (signal) => {
      await run("systemctl", ["reboot", "--no-block"], signal);
    },
    journalTail: (lines, signal) =>
      run("journalctl", ["--boot", "--no-pager", "--output=short-monotonic", `--lines=${lines}`], signal),
  };
}
