import { setTimeout as delay } from "node:timers/promises";
import { LocalError } from "../errors.ts";

/** What {@link poll} waits for. */
export interface PollOptions {
  /** Longest time to wait in all. */
  timeoutMs: number;
  /** What to throw when it did not come. */
  onTimeout: (lastError: unknown) => Error;
  signal?: AbortSignal | undefined;
}

/**
 * Calls `attempt` until it gives a value other than undefined, with back-off from 20 ms to 500 ms. Errors thrown by
 * `attempt` count as "not yet"; errors of the signal end the wait.
 */
export async function poll<T>(attempt: () => Promise<T | undefined>, options: PollOptions): Promise<T> {
  const deadline = performance.now() + options.timeoutMs;
  let lastError: unknown;
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 500)) {
    options.signal?.throwIfAborted();
    try {
      const value = await attempt();
      if (value !== undefined) return value;
    } catch (error) {
      if (isFinal(error)) throw error;
      lastError = error;
    }
    if (performance.now() > deadline) throw options.onTimeout(lastError);
    await delay(pauseMs, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}

/** An error that no further attempt can mend: the process that is waited for has died, perhaps as a disk is full. */
function isFinal(error: unknown): boolean {
  return error instanceof LocalError && (error.code === "process-died" || error.code === "no-space");
}
