import type { Clock } from "../clock.ts";
import type { Context } from "../context.ts";
import { CliError } from "../errors.ts";
import { retry } from "../retry.ts";

const TIMEOUT_MS = 5 * 60_000;

/** An API server that was just started refuses everybody until it has read the roles: that takes seconds, not this. */
const FORBIDDEN_GRACE_MS = 2 * 60_000;

const STATUS = { unauthorized: 401, forbidden: 403 } as const;

/** Calls the API server, again where the call may succeed by waiting. */
export async function retryKubernetes<Result>(
  context: Context,
  call: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const patience = new KubernetesPatience(context.clock);
  return retry(
    (signal) => patience.attempt(() => call(signal)),
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
 * Whether a call to Kubernetes may succeed later without anybody changing anything. A refusal (403) counts: calls go
 * through {@link KubernetesPatience}, which ends that.
 */
export function isTemporaryKubernetesError(error: unknown): boolean {
  return error instanceof Error && ((error as { retryable?: unknown }).retryable === true || isForbidden(error));
}

/** The calls of one wait: a refusal that lasts is not temporary any more. */
export class KubernetesPatience {
  readonly #clock: Clock;
  /** When the refusals began that nothing else has come between. */
  #forbiddenSinceMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Makes one attempt.
   *
   * @throws CliError `refused` if the API server does not know the user, or has refused the call for two minutes; any
   * other error as it came
   */
  async attempt<Result>(call: () => Promise<Result>): Promise<Result> {
    try {
      const result = await call();
      this.#forbiddenSinceMs = undefined;
      return result;
    } catch (error) {
      throw this.#judge(error);
    }
  }

  #judge(error: unknown): unknown {
    if (statusOf(error) === STATUS.unauthorized) return unauthorized(error);
    if (!isForbidden(error)) {
      this.#forbiddenSinceMs = undefined;
      return error;
    }
    const nowMs = this.#clock.monotonicMs();
    this.#forbiddenSinceMs ??= nowMs;
    return nowMs - this.#forbiddenSinceMs < FORBIDDEN_GRACE_MS ? error : forbidden(error);
  }
}

function isForbidden(error: unknown): boolean {
  return statusOf(error) === STATUS.forbidden;
}

/** HTTP status of the API server's answer. */
function statusOf(error: unknown): unknown {
  return error instanceof Error ? (error as { status?: unknown }).status : undefined;
}

// The causes' messages, which follow these in what the user reads, are the server's: user, verb and resource.

function forbidden(cause: unknown): CliError {
  const minutes = FORBIDDEN_GRACE_MS / 60_000;
  return new CliError("refused", `Call Kubernetes failed: the API server has refused it for ${minutes} minutes`, {
    cause,
    hint: "constellation-admin.conf may be another user's, or its user's roles were changed: delete the file and run `constellation apply`, which fetches it again",
  });
}

function unauthorized(cause: unknown): CliError {
  return new CliError("refused", "Call Kubernetes failed: the API server does not know the user", {
    cause,
    hint: "constellation-admin.conf may have ended or be another cluster's: delete the file and run `constellation apply`, which fetches it again",
  });
}
