import { AssertionError } from "node:assert";
import { setTimeout as delay } from "node:timers/promises";
import { HarnessError } from "./error.ts";
import { ProcessorLoad } from "./processor-load.ts";
import { say } from "./say.ts";

/** What {@link waitUntil} waits for. */
export interface Waiting {
  readonly what: string;
  readonly timeoutMs: number;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const SAY_EVERY_MS = 30_000;

/**
 * Calls `attempt` until it gives a value other than undefined, with back-off from 100 ms to 5 s. What it throws counts
 * as "not yet", but for failed assertions; what it notes, or the last error, is said every half minute.
 * @throws HarnessError `timeout` with the last note
 */
export async function waitUntil<T>(
  { what, timeoutMs }: Waiting,
  attempt: (note: (text: string) => void) => Promise<T | undefined>,
): Promise<T> {
  const started = performance.now();
  let last = "nothing yet";
  let saidMs = started;
  const load = new ProcessorLoad();
  say(`wait for ${what}`);
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    let cause: unknown;
    try {
      const value = await attempt((text) => (last = text));
      if (value !== undefined) return value;
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      cause = error;
      last = error instanceof Error ? error.message : String(error);
    }
    const now = performance.now();
    if (now - started > timeoutMs) {
      const bound = `${Math.round(timeoutMs / 60_000)} minutes`;
      throw new HarnessError("timeout", `Wait for ${what} failed: not there after ${bound}: ${last}`, { cause });
    }
    if (now - saidMs > SAY_EVERY_MS) {
      saidMs = now;
      say(`still waiting for ${what} (${load.describe()}): ${last.split("\n")[0]}`);
    }
    await delay(pauseMs);
  }
}

/** Milliseconds of so many minutes. */
export function minutes(count: number): number {
  return count * 60_000;
}
