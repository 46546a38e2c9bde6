import { EndorsementError, isTransient } from "../error.ts";
import type { Limits } from "./limits.ts";

/** What waiting needs. */
export interface RetryTools {
  readonly now: () => Date;
  /** Rejects when the signal ends it. */
  readonly delay: (waitMs: number, signal: AbortSignal) => Promise<void>;
  /** Told before each wait. */
  readonly onWait: (waitMs: number, error: EndorsementError) => void;
  readonly limits: Pick<Limits, "maxAttempts" | "maxWaitMs" | "totalMs">;
}

const FIRST_WAIT_MS = 100;
/** A service that asks to slow down, without saying for how long, is left alone for longer. */
const FIRST_RATE_LIMIT_WAIT_MS = 2_000;

/**
 * Runs something until it succeeds, fails for good, or the bounds are reached; then its last error is thrown. A service
 * that wants to be left alone for longer than the bounds allow is not asked again.
 */
export async function retry<T>(run: () => Promise<T>, tools: RetryTools, signal: AbortSignal): Promise<T> {
  const start = tools.now().getTime();
  for (let attempt = 1; attempt < tools.limits.maxAttempts; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (!isTransient(error)) throw error;
      await waitAfter(error, attempt, tools.now().getTime() - start, tools, signal);
    }
  }
  return run();
}

async function waitAfter(
  error: EndorsementError,
  attempt: number,
  elapsedMs: number,
  { limits, onWait, delay }: RetryTools,
  signal: AbortSignal,
): Promise<void> {
  const waitMs = waitOf(error, attempt, limits.maxWaitMs);
  if (waitMs > limits.maxWaitMs || elapsedMs + waitMs > limits.totalMs) throw error;
  onWait(waitMs, error);
  try {
    await delay(waitMs, signal);
  } catch (cause) {
    const message = "Wait for another attempt failed: got an end by the caller, wanted time";
    throw new EndorsementError("cancelled", message, { cause });
  }
}

function waitOf({ code, retryAfterMs }: EndorsementError, attempt: number, maxWaitMs: number): number {
  const first = code === "rate_limited" ? FIRST_RATE_LIMIT_WAIT_MS : FIRST_WAIT_MS;
  return retryAfterMs ?? Math.min(first * 2 ** (attempt - 1), maxWaitMs);
}
