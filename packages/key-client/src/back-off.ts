import { setTimeout as delay } from "node:timers/promises";

/** Bounds of asking again. */
export interface BackOff {
  /** Pause after the first failure; each further one is twice as long. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  readonly attempts: number;
}

/**
 * Runs an attempt again while it fails in a way that passes. Pauses vary by a quarter: pods that were cut off together do
 * not come back together.
 * @param isTemporary whether the same attempt may succeed later
 * @throws what the last attempt threw; the signal's reason
 */
export async function withBackOff<T>(
  attempt: () => Promise<T>,
  isTemporary: (error: unknown) => boolean,
  { firstPauseMs, longestPauseMs, attempts }: BackOff,
  signal: AbortSignal,
): Promise<T> {
  let pauseMs = firstPauseMs;
  for (let count = 1; ; count++) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (count === attempts || !isTemporary(error) || signal.aborted) throw error;
    }
    await delay(pauseMs * (1 + Math.random() / 4), undefined, { signal });
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  }
}
