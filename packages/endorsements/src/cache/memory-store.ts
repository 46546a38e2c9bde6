import type { EndorsementStore } from "./store.ts";

/** Keeps entries as long as the program runs: for machines that ask about themselves only. */
export class MemoryStore implements EndorsementStore {
  readonly entries = new Map<string, Uint8Array>();

  async get(url: string): Promise<Uint8Array | undefined> {
    return this.entries.get(url);
  }

  async put(url: string, entry: Uint8Array): Promise<void> {
    this.entries.set(url, entry);
  }
}
