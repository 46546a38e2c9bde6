/** Lets one loop wait for the next of many reasons to go on; reasons that come while it works are not lost. */
export class Wakeup {
  #next = Promise.withResolvers<void>();

  /** There is something to do. */
  wake(): void {
    this.#next.resolve();
  }

  /** Returns at the next reason, after the time, or when the signal says stop. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    const wake = (): void => this.#next.resolve();
    const timer = setTimeout(wake, ms);
    signal.addEventListener("abort", wake, { once: true });
    if (!signal.aborted) await this.#next.promise;
    signal.removeEventListener("abort", wake);
    clearTimeout(timer);
    this.#next = Promise.withResolvers<void>();
  }
}
