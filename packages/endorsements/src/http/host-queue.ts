/** Runs tasks one at a time for each host, in the order in which they come: services limit how often they are asked. */
export class HostQueue {
  readonly #tails = new Map<string, Promise<void>>();

  async run<T>(host: string, task: () => Promise<T>): Promise<T> {
    const turn = (this.#tails.get(host) ?? Promise.resolve()).then(task);
    const tail = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#tails.set(host, tail);
    try {
      return await turn;
    } finally {
      if (this.#tails.get(host) === tail) this.#tails.delete(host);
    }
  }
}
