/** Bounds of one bucket, and of how many there are. */
export interface BucketBounds {
  /** Requests at once after a time of quiet. */
  readonly burst: number;
  readonly perSecond: number;
  /** Keys that are remembered at once. */
  readonly maxKeys: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** A token bucket for each key. One that would be full again is forgotten, so that only keys in use are remembered. */
export class TokenBuckets {
  readonly #bounds: BucketBounds;
  readonly #buckets = new Map<string, Bucket>();

  constructor(bounds: BucketBounds) {
    this.#bounds = bounds;
  }

  /**
   * Takes one token.
   * @param nowMs a clock that only goes forward
   * @returns false if there is none, or too many other keys are in use
   */
  take(key: string, nowMs: number): boolean {
    const { burst, maxKeys } = this.#bounds;
    const known = this.#buckets.get(key);
    if (known === undefined && this.#buckets.size >= maxKeys) this.#forgetFull(nowMs);
    if (known === undefined && this.#buckets.size >= maxKeys) return false;
    const tokens = known === undefined ? burst : this.#tokensAt(known, nowMs);
    const taken = tokens >= 1;
    this.#buckets.set(key, { tokens: taken ? tokens - 1 : tokens, atMs: nowMs });
    return taken;
  }

  #tokensAt({ tokens, atMs }: Bucket, nowMs: number): number {
    const { burst, perSecond } = this.#bounds;
    return Math.min(burst, tokens + ((nowMs - atMs) / 1_000) * perSecond);
  }

  #forgetFull(nowMs: number): void {
    for (const [key, bucket] of this.#buckets) {
      if (this.#tokensAt(bucket, nowMs) >= this.#bounds.burst) this.#buckets.delete(key);
    }
  }
}
