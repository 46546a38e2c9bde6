import type { Validity } from "./resource.ts";

/** What a kept answer is good for at a time. */
export interface Freshness {
  /** It is used without asking. */
  readonly isFresh: boolean;
  /** It is used where the vendor cannot be asked: nothing in it says that it is over. */
  readonly isUsable: boolean;
}

const DAY_MS = 86_400_000;

/**
 * Judges the age of an answer. One that bears a nextUpdate may be replaced before (RFC 5280 section 5.1.2.5; Intel does
 * so in TCB recoveries), so after `maxAgeMs` it is asked about. An answer from the future was fetched by a wrong clock.
 */
export function freshnessOf(validity: Validity, fetchedAt: Date, now: Date, maxAgeMs: number): Freshness {
  const ageMs = now.getTime() - fetchedAt.getTime();
  switch (validity.kind) {
    case "forever":
      return { isFresh: true, isUsable: true };
    case "day":
      return { isFresh: ageMs >= 0 && ageMs < DAY_MS, isUsable: true };
    case "until": {
      const isUsable = now < validity.nextUpdate;
      return { isFresh: isUsable && ageMs >= 0 && ageMs < maxAgeMs, isUsable };
    }
  }
}
