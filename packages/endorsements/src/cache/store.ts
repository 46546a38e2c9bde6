/** Where fetched endorsements are kept. What comes out of it is checked: it may lose or damage entries. */
export interface EndorsementStore {
  /** What was put under this address, or undefined. Does not throw. */
  get(url: string): Promise<Uint8Array | undefined>;
  /** Throws `EndorsementError` "store". */
  put(url: string, entry: Uint8Array): Promise<void>;
}

/** Largest entry that is kept. */
export const MAX_ENTRY_BYTES = 16 * 1024 * 1024;
