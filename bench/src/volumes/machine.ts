import type { Exec } from "@constellation/exec";
import type { Kernel, NodeSystem } from "@constellation/csi/testing/volumes";
import type { DirectFile } from "./direct-file.ts";

/** What the measurement has of the machine that it runs on; tests put a model in its place. */
export interface Machine {
  readonly exec: Exec;
  readonly files: Kernel["files"];
  readonly system: NodeSystem;
  /** Folder in memory for the files below loop devices, and for mounts. */
  readonly workFolder: string;
  /** Folder in memory for header copies. */
  readonly runFolder: string;
  readonly nowMs: () => number;
  /** Says how far the measurement has come. */
  readonly note: (text: string) => void;
  readonly delay: (ms: number) => Promise<void>;
  /** Opens a device for direct I/O. */
  readonly openDirect: (device: string) => Promise<DirectFile>;
  /** Ends the measurement early; what was made is still taken away. */
  readonly signal: AbortSignal;
}

const ATTEMPTS = 12;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/** Work is cleaned up after a stop, too. */
export const NEVER: AbortSignal = new AbortController().signal;

/** Runs something, and something that takes away what it was given, whatever came of it. */
export async function thenClean<T>(use: () => Promise<T>, clean: () => Promise<void>): Promise<T> {
  let result: T;
  try {
    result = await use();
  } catch (error) {
    await clean().catch((second: unknown) => {
      throw new AggregateError([error, second], `${messageOf(error)}; then ${messageOf(second)}`);
    });
    throw error;
  }
  await clean();
  return result;
}

/** Takes something away that others may still look at: udev opens each device that changes, for a moment. */
export async function takeAway({ delay }: Pick<Machine, "delay">, attempt: () => Promise<void>): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (count === ATTEMPTS) throw error;
    }
    await delay(pauseMs);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
