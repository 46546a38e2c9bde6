import { idsAmong, requireStoreBytes, requireStoreId, type WrappedKeyStore } from "./wrapped-key-store.ts";

/** A store that ends with its process: for tests. */
export class MemoryStore implements WrappedKeyStore {
  readonly #entries = new Map<string, Uint8Array>();

  async get(id: string): Promise<Uint8Array | undefined> {
    requireStoreId(id);
    const bytes = this.#entries.get(id);
    return bytes && Uint8Array.from(bytes);
  }

  async putIfAbsent(id: string, bytes: Uint8Array): Promise<boolean> {
    requireStoreId(id);
    requireStoreBytes(bytes);
    if (this.#entries.has(id)) return false;
    this.#entries.set(id, Uint8Array.from(bytes));
    return true;
  }

  async list(prefix: string): Promise<readonly string[]> {
    return idsAmong([...this.#entries.keys()], "", prefix);
  }

  async delete(id: string): Promise<void> {
    requireStoreId(id);
    this.#entries.delete(id);
  }
}
