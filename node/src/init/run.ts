/** What a caller of Init hears. */
export type InitEvent =
  | { kind: "progress"; step: string; text: string }
  | { kind: "log"; data: Uint8Array }
  | { kind: "success"; kubeconfig: Uint8Array; clusterId: Uint8Array }
  | { kind: "failure"; code: string; message: string };

/**
 * One initialisation under way. It goes on when the caller is gone, and a caller that comes back hears all of it again
 * from the start.
 */
export class InitRun {
  readonly #events: InitEvent[] = [];
  #wake = Promise.withResolvers<void>();

  emit(event: InitEvent): void {
    this.#events.push(event);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  /** All events to the one that ends the run. */
  async *events(signal: AbortSignal): AsyncGenerator<InitEvent> {
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    for (let next = 0; !signal.aborted; ) {
      const event = this.#events[next];
      if (event === undefined) {
        await Promise.race([this.#wake.promise, aborted]);
        continue;
      }
      next += 1;
      yield event;
      if (event.kind === "success" || event.kind === "failure") return;
    }
  }
}
