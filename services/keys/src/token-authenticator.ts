import { createHash } from "node:crypto";
import type { TokenReviewStatus } from "@constellation/kube/in-cluster";
import { type BearerToken, parseBearerToken } from "./bearer-token.ts";
import { KeyServiceError } from "./errors.ts";
import { type PodCaller, podCallerOf, TOKEN_AUDIENCE } from "./pod-caller.ts";
import { TokenBuckets } from "./token-buckets.ts";

/** What knowing pods needs from outside. */
export interface TokenAuthenticatorParts {
  /** Asks the API server about a token. */
  readonly review: (token: string, audiences: readonly string[], signal: AbortSignal) => Promise<TokenReviewStatus>;
  readonly now: () => Date;
  /** A clock that only goes forward, in milliseconds. */
  readonly monotonicMs: () => number;
}

/** How long the API server's yes counts: so long may a pod that has just ended still get keys. */
const CACHE_MS = 60_000;
const MAX_CACHED = 1_024;
const MAX_REVIEWS = 32;
const REVIEW_TIMEOUT_MS = 10_000;
/** Tokens that have not been reviewed yet, by where they come from: garbage must not keep the API server busy. */
const REVIEWS = { burst: 30, perSecond: 5, maxKeys: 4_096 } as const;

interface Known {
  readonly caller: PodCaller;
  readonly untilMs: number;
}

/** Knows pods by their service account tokens. Only a yes is remembered, by the token's digest, and not for long. */
export class TokenAuthenticator {
  readonly #parts: TokenAuthenticatorParts;
  readonly #known = new Map<string, Known>();
  readonly #underWay = new Map<string, Promise<PodCaller>>();
  readonly #reviews = new TokenBuckets(REVIEWS);

  constructor(parts: TokenAuthenticatorParts) {
    this.#parts = parts;
  }

  /**
   * Says which pod sent this metadata `authorization`.
   * @param remoteAddress where the call comes from
   * @throws KeyServiceError
   */
  async authenticate(header: string | null, remoteAddress: string): Promise<PodCaller> {
    const token = parseBearerToken(header);
    const digest = createHash("sha256").update(token.token).digest("hex");
    const known = this.#known.get(digest);
    if (known !== undefined && this.#parts.monotonicMs() < known.untilMs) return known.caller;
    this.#known.delete(digest);
    return await (this.#underWay.get(digest) ?? this.#start(token, digest, remoteAddress));
  }

  /** Callers with the same token wait for the same review: none of them ends it. */
  async #start(token: BearerToken, digest: string, remoteAddress: string): Promise<PodCaller> {
    if (!this.#reviews.take(remoteAddress, this.#parts.monotonicMs())) {
      const message = `Authenticate pod failed: got too many new tokens from "${remoteAddress}", wanted fewer`;
      throw new KeyServiceError("too_many_requests", message);
    }
    if (this.#underWay.size >= MAX_REVIEWS) {
      const message = `Authenticate pod failed: got "${this.#underWay.size}" reviews under way, wanted fewer`;
      throw new KeyServiceError("busy", message);
    }
    const review = this.#review(token, digest);
    this.#underWay.set(digest, review);
    try {
      return await review;
    } finally {
      this.#underWay.delete(digest);
    }
  }

  async #review({ token, expiresMs }: BearerToken, digest: string): Promise<PodCaller> {
    const caller = podCallerOf(await this.#ask(token));
    const leftMs = Math.min(CACHE_MS, expiresMs - this.#parts.now().getTime());
    if (leftMs > 0) this.#remember(digest, { caller, untilMs: this.#parts.monotonicMs() + leftMs });
    return caller;
  }

  async #ask(token: string): Promise<TokenReviewStatus> {
    try {
      return await this.#parts.review(token, [TOKEN_AUDIENCE], AbortSignal.timeout(REVIEW_TIMEOUT_MS));
    } catch (cause) {
      const message = "Authenticate pod failed: got no review of its token by the API server";
      throw new KeyServiceError("token_review_unavailable", message, { cause });
    }
  }

  #remember(digest: string, known: Known): void {
    if (this.#known.size >= MAX_CACHED) this.#forget();
    this.#known.set(digest, known);
  }

  /** Drops what has ended; if nothing has, what was reviewed first. */
  #forget(): void {
    const nowMs = this.#parts.monotonicMs();
    for (const [digest, { untilMs }] of this.#known) if (untilMs <= nowMs) this.#known.delete(digest);
    const [oldest] = this.#known.keys();
    if (this.#known.size >= MAX_CACHED && oldest !== undefined) this.#known.delete(oldest);
  }
}
