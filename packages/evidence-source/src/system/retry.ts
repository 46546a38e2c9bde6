import { EvidenceSourceError } from "../error.ts";
import type { Clock } from "./clock.ts";

/** How long others are given way to. */
export interface RetryOptions {
  readonly maxAttempts: number;
  /** Whether trying again may help. */
  readonly isTransient: (error: EvidenceSourceError) => boolean;
}

const FIRST_WAIT_MS = 100;

/** Runs something until it succeeds, fails for good, or the attempts are used up; then its last error is thrown. */
export async function retry<T>(
  attempt: () => Promise<T>,
  { maxAttempts, isTransient }: RetryOptions,
  clock: Clock,
  signal: AbortSignal,
): Promise<T> {
  for (let count = 1; count < maxAttempts; count++) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof EvidenceSourceError && isTransient(error))) throw error;
    }
    await clock.delay(FIRST_WAIT_MS * 2 ** (count - 1), signal);
  }
  return await attempt();
}
