import { setTimeout as wait } from "node:timers/promises";

/** Time, as far as this package needs it. */
export interface Clock {
  readonly now: () => Date;
  /** Rejects when the signal ends it. */
  readonly delay: (waitMs: number, signal: AbortSignal) => Promise<void>;
}

/** The clock of this machine. */
export const SYSTEM_CLOCK: Clock = {
  now: () => new Date(),
  delay: (waitMs, signal) => wait(waitMs, undefined, { signal }),
};
