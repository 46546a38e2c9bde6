import { JoinError } from "./errors.ts";

/** Bounds on tickets. */
export interface AttemptBounds {
  /** Requests under way at once, of all nodes. */
  readonly maxConcurrent: number;
  /** Requests of one endorsement identity within the window. */
  readonly maxPerWindow: number;
  readonly windowMs: number;
}

/**
 * Counts requests, so that one node that asks without end can't keep the others, the API server and the key service
 * busy. Only identities that passed admission are counted, hence no more than are on record.
 */
export class Attempts {
  readonly #bounds: AttemptBounds;
  readonly #windows = new Map<string, { startedMs: number; count: number }>();
  #underWay = 0;

  constructor(bounds: AttemptBounds) {
    this.#bounds = bounds;
  }

  /**
   * Runs a request of this identity within the bounds.
   * @param nowMs a clock that only goes forward
   * @throws JoinError `busy`, `too_many_attempts`
   */
  async run<T>(identity: string, nowMs: number, request: () => Promise<T>): Promise<T> {
    this.#count(identity, nowMs);
    if (this.#underWay >= this.#bounds.maxConcurrent) {
      throw new JoinError("busy", `Issue ticket failed: got "${this.#underWay}" requests under way, wanted fewer`);
    }
    this.#underWay += 1;
    try {
      return await request();
    } finally {
      this.#underWay -= 1;
    }
  }

  #count(identity: string, nowMs: number): void {
    const { maxPerWindow, windowMs } = this.#bounds;
    for (const [other, { startedMs }] of this.#windows) {
      if (nowMs - startedMs >= windowMs) this.#windows.delete(other);
    }
    const window = this.#windows.get(identity) ?? { startedMs: nowMs, count: 0 };
    window.count += 1;
    this.#windows.set(identity, window);
    if (window.count > maxPerWindow) {
      throw new JoinError(
        "too_many_attempts",
        `Issue ticket failed: got more than "${maxPerWindow}" requests in "${windowMs}" ms from one node`,
      );
    }
  }
}
