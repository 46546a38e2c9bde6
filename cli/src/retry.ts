import type { Clock } from "./clock.ts";
import { CliError } from "./errors.ts";

/** Bounds of a retry loop. */
export interface RetryOptions {
  readonly clock: Clock;
  /** What is waited for, as it stands in messages: "the first control plane to answer". */
  readonly waitingFor: string;
  readonly timeoutMs: number;
  /** When there was the last sign of life, on the monotonic clock: the timeout counts from there. */
  readonly lastSignMs?: () => number | undefined;
  /** Pause after the first failed attempt; each further pause is twice as long. */
  readonly firstPauseMs?: number;
  readonly longestPauseMs?: number;
  /** Whether an error may pass by itself. */
  readonly isTemporary: (error: unknown) => boolean;
  /** Called before each pause. */
  readonly onRetry?: (error: unknown, waitedMs: number) => void;
  readonly hint?: string;
}

/**
 * Runs an attempt until it succeeds, with growing pauses from 100 ms.
 *
 * @throws CliError `timeout` after `timeoutMs`, with the last error as cause; any error that is not temporary
 */
export async function retry<Result>(
  attempt: (signal: AbortSignal) => Promise<Result>,
  options: RetryOptions,
  signal: AbortSignal,
): Promise<Result> {
  const { clock, timeoutMs, longestPauseMs = 5_000 } = options;
  const begin = clock.monotonicMs();
  let pauseMs = options.firstPauseMs ?? 100;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!options.isTemporary(error)) throw error;
      const waitedMs = clock.monotonicMs() - Math.max(begin, options.lastSignMs?.() ?? begin);
      if (waitedMs + pauseMs > timeoutMs) throw timedOut(options, error);
      options.onRetry?.(error, waitedMs);
      await clock.sleep(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }
}

function timedOut(options: RetryOptions, cause: unknown): CliError {
  const seconds = Math.round(options.timeoutMs / 1000);
  return new CliError("timeout", `Wait for ${options.waitingFor} failed: it took longer than ${seconds} s`, {
    cause,
    ...(options.hint === undefined ? {} : { hint: options.hint }),
  });
}
