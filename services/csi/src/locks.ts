import { CsiError } from "./errors.ts";

/** One operation per volume at a time: a second one is told to come again (CSI specification, "Concurrency"). */
export class VolumeLocks {
  readonly #held = new Set<string>();

  /** @throws CsiError `busy` while another operation has the volume */
  async run<T>(name: string, operation: () => Promise<T>): Promise<T> {
    if (this.#held.has(name)) {
      throw new CsiError("busy", "Lock volume failed: got an operation under way on it, wanted none");
    }
    this.#held.add(name);
    try {
      return await operation();
    } finally {
      this.#held.delete(name);
    }
  }
}
