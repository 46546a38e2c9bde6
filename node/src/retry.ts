import { setTimeout as wait } from "node:timers/promises";

export interface RetryOptions {
  signal: AbortSignal;
  /** Waits between attempts: from the first, doubled each time, up to the second. */
  firstDelayMs?: number;
  maxDelayMs?: number;
  /** Total time; without it the retries end with the signal only. */
  timeoutMs?: number;
  /** Waits that long, or until the signal; a test puts its own here. */
  delay?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Hears of each failure, for the log. */
  onFailure?: (error: unknown, attempt: number) => void;
  /** Ends the retries at once where it is true: the error can't get better. */
  isFinal?: (error: unknown) => boolean;
}

/** Runs `attempt` until it succeeds. `what` says what is waited for. */
export async function retry<T>(
  what: string,
  attempt: (signal: AbortSignal) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { signal, firstDelayMs = 100, maxDelayMs = 1000, timeoutMs, delay = realDelay } = options;
  const started = performance.now();
  let waitMs = firstDelayMs;
  for (let count = 1; ; count++) {
    try {
      return await attempt(signal);
    } catch (error) {
      if (signal.aborted || options.isFinal?.(error) === true) throw error;
      options.onFailure?.(error, count);
      if (timeoutMs !== undefined && performance.now() - started + waitMs > timeoutMs) {
        throw new Error(`Wait for ${what} failed: got none in "${timeoutMs}" ms`, { cause: error });
      }
    }
    await delay(waitMs, signal);
    waitMs = Math.min(waitMs * 2, maxDelayMs);
  }
}

const realDelay: NonNullable<RetryOptions["delay"]> = (ms, signal) => wait(ms, undefined, { signal });
