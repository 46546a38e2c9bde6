const ALLOWANCE_MS = 120_000;
const LEAST_BYTES_PER_MS = 1_024 / 1_000;

/**
 * Bounds how long the other side may let us wait: 1 KiB a second must move, and up to two minutes may be made up for. Without
 * it a byte now and then would hold a request, and its memory, for ever.
 */
export class Pace {
  readonly #allowanceMs: number;
  #leftMs: number;

  constructor(allowanceMs = ALLOWANCE_MS) {
    this.#allowanceMs = allowanceMs;
    this.#leftMs = allowanceMs;
  }

  /** Counts what moved. */
  moved(bytes: number): void {
    this.#leftMs = Math.min(this.#allowanceMs, this.#leftMs + bytes / LEAST_BYTES_PER_MS);
  }

  /**
   * Waits for the other side.
   * @param start gets what ends the wait
   * @param late is told when the time is over; it must end the wait, too
   */
  async wait(start: (wake: () => void) => void, late: (error: Error) => void): Promise<void> {
    const before = performance.now();
    const error = "the other side moves less than 1 KiB a second";
    const timer = setTimeout(() => late(Object.assign(new Error(error), { code: "ETIMEDOUT" })), this.#leftMs);
    await new Promise<void>(start);
    clearTimeout(timer);
    this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - before));
  }
}
