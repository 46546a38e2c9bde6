import type { Context } from "../context.ts";
import { retry } from "../retry.ts";

const TIMEOUT_MS = 5 * 60_000;

/** Calls the API server, again where the call may succeed by waiting. */
export async function retryKubernetes<Result>(
  context: Context,
  call: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  return retry(
    call,
    {
      clock: context.clock,
      waitingFor: "the Kubernetes API server",
      timeoutMs: TIMEOUT_MS,
      firstPauseMs: 500,
      isTemporary: isTemporaryKubernetesError,
      onRetry: (error) => context.debug(`Kubernetes call failed: ${String(error)}`),
      hint: "see `constellation status` for machines that have ended",
    },
    context.signal,
  );
}

/**
 * Whether a call to Kubernetes may succeed later without anybody changing anything. An API server that was just started
 * refuses everybody (403) until it has read the roles; every wait is bounded, so real refusals come out in the end.
 */
export function isTemporaryKubernetesError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { retryable, status } = error as { retryable?: unknown; status?: unknown };
  return retryable === true || status === 403;
}
