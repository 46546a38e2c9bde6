import { hex } from "@constellation/bytes";
import type { Clock } from "./clock.ts";

/**
 * Keeps the last answer to a question for a while. What a metadata service says of one boot of a machine hardly
 * changes, and it answers only so many questions a second; a failure is not kept.
 */
export class Remembered<T> {
  readonly #maxAgeMs: number;
  readonly #clock: Clock;
  #last: { readonly question: string; readonly value: T; readonly until: number } | undefined;

  constructor(maxAgeMs: number, clock: Clock) {
    this.#maxAgeMs = maxAgeMs;
    this.#clock = clock;
  }

  async get(question: Uint8Array, ask: () => Promise<T>): Promise<T> {
    const now = this.#clock.now().getTime();
    if (this.#last?.question === hex(question) && now < this.#last.until) return this.#last.value;
    const value = await ask();
    this.#last = { question: hex(question), value, until: now + this.#maxAgeMs };
    return value;
  }
}
