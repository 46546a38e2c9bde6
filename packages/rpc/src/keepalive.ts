import { constants, type Http2Session } from "node:http2";
import type { RpcLimits } from "./limits.ts";

/**
 * Probes a session by PING (RFC 9113 section 6.7) in the given interval and destroys it when an answer is missing, so
 * that a peer which vanished without a word does not hold calls forever. Never keeps the process alive.
 */
export function keepAlive(session: Http2Session, limits: Pick<RpcLimits, "pingIntervalMs" | "pingTimeoutMs">): void {
  let answer: NodeJS.Timeout | undefined;
  const probe = (): void => {
    if (session.destroyed || answer !== undefined) return;
    answer = setTimeout(() => session.destroy(undefined, constants.NGHTTP2_CANCEL), limits.pingTimeoutMs).unref();
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
