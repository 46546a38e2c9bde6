import type { Secret } from "@constellation/keys";

/** A token and when it ends. */
export interface Token {
  readonly secret: Secret;
  readonly expiresAtMs: number;
}

/** Gives a token for one request. */
export type TokenSource = (signal: AbortSignal) => Promise<Secret>;

/** A token is not used in its last minutes: clocks differ, and requests take time. */
const MARGIN_MS = 120_000;
/** Nor longer than this: whoever revoked it, or lost it in a restart, says no more than that it is not good. */
const MAX_KEPT_MS = 300_000;

/** A source that keeps a token for five minutes, or until shortly before its end. */
export function keptToken(fetchToken: (signal: AbortSignal) => Promise<Token>, now: () => Date): TokenSource {
  let kept: { readonly secret: Secret; readonly untilMs: number } | undefined;
  return async (signal) => {
    if (kept === undefined || now().getTime() > kept.untilMs) {
      const { secret, expiresAtMs } = await fetchToken(signal);
      kept = { secret, untilMs: Math.min(expiresAtMs - MARGIN_MS, now().getTime() + MAX_KEPT_MS) };
    }
    return kept.secret;
  };
}
