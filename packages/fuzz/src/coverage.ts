import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { COUNTERS_NAME, instrument } from "./instrument.ts";

const MAX_COUNTERS = 1 << 16;

/** Which branches of the code under test ran, and how often. */
export class Coverage {
  readonly #counters = new Uint32Array(MAX_COUNTERS);
  /** By counter: a bit for each order of magnitude seen. */
  readonly #seen = new Uint8Array(MAX_COUNTERS);
  readonly texts = new Set<string>();
  readonly numbers = new Set<number>();
  #used = 0;

  /** Instruments what is imported from now on, where `isUnderTest`. */
  register(isUnderTest: (url: string) => boolean): void {
    Object.assign(globalThis, { [COUNTERS_NAME]: this.#counters });
    registerHooks({
      load: (url, context, nextLoad) => {
        if (!isUnderTest(url)) return nextLoad(url, context);
        return { format: "module-typescript", shortCircuit: true, source: this.#load(fileURLToPath(url)) };
      },
    });
  }

  #load(path: string): string {
    const { source, counters, texts, numbers } = instrument(readFileSync(path, "utf8"), this.#used);
    this.#used += counters;
    if (this.#used > MAX_COUNTERS) throw new Error(`Instrument modules failed: got more than ${MAX_COUNTERS} branches`);
    for (const text of texts) this.texts.add(text);
    for (const number of numbers) this.numbers.add(number);
    return source;
  }

  /** Before a run. */
  reset(): void {
    this.#counters.fill(0, 0, this.#used);
  }

  /** What the last run did: a number for each branch with the order of magnitude of its count. */
  features(): number[] {
    const found: number[] = [];
    for (let i = 0; i < this.#used; i++) {
      const count = this.#counters[i] as number;
      if (count !== 0) found.push(i * 8 + magnitude(count));
    }
    return found;
  }

  /** Whether the last run did something that no run did before; it is remembered. */
  hasNew(): boolean {
    let isNew = false;
    for (let i = 0; i < this.#used; i++) {
      const count = this.#counters[i] as number;
      if (count === 0) continue;
      const bit = 1 << magnitude(count);
      const seen = this.#seen[i] as number;
      if ((seen & bit) !== 0) continue;
      this.#seen[i] = seen | bit;
      isNew = true;
    }
    return isNew;
  }

  /** How many branches ran, of how many that there are in the modules loaded. */
  branches(): { readonly ran: number; readonly all: number } {
    let ran = 0;
    for (let i = 0; i < this.#used; i++) if (this.#seen[i] !== 0) ran += 1;
    return { ran, all: this.#used };
  }
}

/** 0 to 7: counts of 1, 2, 3, up to 7, 15, 31, 127, and more. */
function magnitude(count: number): number {
  if (count < 4) return count - 1;
  if (count < 8) return 3;
  if (count < 16) return 4;
  if (count < 32) return 5;
  return count < 128 ? 6 : 7;
}
