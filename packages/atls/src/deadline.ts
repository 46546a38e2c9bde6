import { AtlsError } from "./errors.ts";

/** A signal that ends a handshake, by the caller or by time, and the way to give its timer back. */
export interface Deadline {
  /** Its reason is always an AtlsError, "aborted" or "timeout". */
  readonly signal: AbortSignal;
  /** Stops the timer and forgets the caller's signal. */
  clear(): void;
}

/** Makes the signal of one handshake from the caller's signal and the time it may take. */
export function createDeadline(timeoutMs: number, signal: AbortSignal): Deadline {
  const controller = new AbortController();
  const abort = (): void => controller.abort(abortedError(signal.reason));
  const timer = setTimeout(() => {
    controller.abort(new AtlsError("timeout", `Attest peer failed: got no end of the handshake in ${timeoutMs} ms`));
  }, timeoutMs);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return {
    signal: controller.signal,
    clear() {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    },
  };
}

function abortedError(reason: unknown): AtlsError {
  if (reason instanceof AtlsError) return reason;
  return new AtlsError("aborted", "Attest peer failed: got an abort by the caller, wanted the end of the handshake", {
    cause: reason,
  });
}
