import { isTransient, KmsError, type Side } from "../error.ts";
import type { Tools } from "./fetch.ts";

const FIRST_WAIT_MS = 100;

/** What is done, for messages, and to whom. */
export interface Operation {
  readonly side: Side;
  /** For example `Encrypt with AWS KMS`. */
  readonly name: string;
}

type RetryTools = Pick<Tools, "now" | "jitter" | "delay" | "limits">;

/**
 * Runs attempts until one succeeds, one fails for good, or the bounds are reached; then the last error is thrown. Waits
 * double from 100 ms and are spread over half of themselves, so that control planes that failed together come one by one.
 */
export async function retried<T>(
  operation: Operation,
  tools: RetryTools,
  signal: AbortSignal,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const start = tools.now().getTime();
  for (let count = 1; ; count++) {
    try {
      return await bounded(operation, tools.limits.attemptMs, signal, attempt);
    } catch (error) {
      if (!isTransient(error) || count >= tools.limits.maxAttempts) throw error;
      const waitMs = waitAfter(error, count, tools);
      const spentMs = tools.now().getTime() - start;
      if (waitMs > tools.limits.maxWaitMs || spentMs + waitMs > tools.limits.totalMs) throw error;
      await wait(operation, waitMs, tools, signal);
    }
  }
}

/** One attempt within its time. What the signals end is told as `cancelled` or as a timeout. */
async function bounded<T>(
  operation: Operation,
  attemptMs: number,
  signal: AbortSignal,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal.aborted) throw cancelled(operation, signal.reason);
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), attemptMs);
  try {
    return await attempt(AbortSignal.any([signal, timeout.signal]));
  } catch (cause) {
    if (signal.aborted) throw cancelled(operation, cause);
    if (!timeout.signal.aborted) throw cause;
    const message = `${operation.name} failed: got no whole answer in ${attemptMs} ms, wanted one`;
    throw new KmsError(`${operation.side}_timeout`, message, { cause });
  } finally {
    clearTimeout(timer);
  }
}

function waitAfter({ retryAfterMs }: KmsError, count: number, { jitter, limits }: RetryTools): number {
  const doubled = Math.min(FIRST_WAIT_MS * 2 ** (count - 1), limits.maxWaitMs);
  const spread = doubled / 2 + (doubled / 2) * jitter();
  return Math.round(Math.max(spread, retryAfterMs ?? 0));
}

async function wait(operation: Operation, waitMs: number, { delay }: RetryTools, signal: AbortSignal): Promise<void> {
  try {
    await delay(waitMs, signal);
  } catch (cause) {
    throw cancelled(operation, cause);
  }
}

function cancelled({ name }: Operation, cause: unknown): KmsError {
  return new KmsError("cancelled", `${name} failed: got an end by the caller, wanted time`, { cause });
}
