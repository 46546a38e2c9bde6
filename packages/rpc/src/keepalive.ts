import { constants, type Http2Session } from "node:http2";
import { RpcError } from "./errors.ts";
import type { RpcLimits } from "./limits.ts";

/**
 * Probes a session by PING (RFC 9113 section 6.7) in the given interval and destroys it when an answer is missing, so
 * that a peer which vanished without a word does not hold calls forever. Never keeps the process alive.
 */
export function keepAlive(session: Http2Session, limits: Pick<RpcLimits, "pingIntervalMs" | "pingTimeoutMs">): void {
  let answer: NodeJS.Timeout | undefined;
  const probe = (): void => {
    if (session.destroyed || answer !== undefined) return;
    answer = setTimeout(() => cutOff(session, unanswered(limits.pingTimeoutMs)), limits.pingTimeoutMs).unref();
    session.ping(() => {
      clearTimeout(answer);
      answer = undefined;
    });
  };
  const interval = setInterval(probe, limits.pingIntervalMs).unref();
  session.once("close", () => {
    clearInterval(interval);
    clearTimeout(answer);
  });
}

/** Ends a session and its socket at once. Without an error node:http2 would wait for a peer that may never answer. */
export function cutOff(session: Http2Session, error: RpcError): void {
  session.destroy(error, constants.NGHTTP2_CANCEL);
}

function unanswered(timeoutMs: number): RpcError {
  return new RpcError("unavailable", `Keep connection failed: got no answer to a PING in ${timeoutMs} ms`);
}
