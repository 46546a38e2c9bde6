const FIRST_DELAY_MS = 1_000;
const LAST_DELAY_MS = 5 * 60_000;

/** When work on an object that failed is tried again: after one second, then twice as long each time, up to five minutes. */
export class Retries {
  readonly #now: () => number;
  readonly #failed = new Map<
    string,
    { readonly count: number; readonly notBefore: number; readonly version: string }
  >();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether an object may be worked on: it did not fail, its time has come, or it was changed since. */
  isDue(key: string, version: string): boolean {
    const failed = this.#failed.get(key);
    return failed === undefined || failed.version !== version || failed.notBefore <= this.#now();
  }

  failed(key: string, version: string): void {
    const before = this.#failed.get(key);
    const count = (before?.count ?? 0) + 1;
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** (count - 1), LAST_DELAY_MS);
    this.#failed.set(key, { count, notBefore: this.#now() + delayMs, version });
  }

  succeeded(key: string): void {
    this.#failed.delete(key);
  }

  /** Milliseconds until the next is due; undefined if none waits. */
  nextInMs(): number | undefined {
    const times = [...this.#failed.values()].map(({ notBefore }) => notBefore);
    return times.length === 0 ? undefined : Math.max(Math.min(...times) - this.#now(), 0);
  }

  /** Forgets objects that are there no more. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.#failed.keys()) if (!keys.has(key)) this.#failed.delete(key);
  }
}
