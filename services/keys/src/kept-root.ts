import { MasterSecret } from "@constellation/keys";
import type { WrappedRoot } from "./wrapped-root.ts";

/** How long what came from a KMS counts, in milliseconds. */
export interface KeptRootOptions {
  /** After that long the root is overwritten, and the KMS asked again: who revokes the key there stops this cluster. */
  readonly keepMs: number;
  /** A KMS that failed is left alone for that long; requests meanwhile hear of the same failure. */
  readonly pauseMs: number;
  readonly nowMs: () => number;
  /** Calls back after a time; a test puts its own here. */
  readonly schedule: (ms: number, run: () => void) => { readonly cancel: () => void };
}

interface Opening {
  readonly version: string;
  readonly done: Promise<void>;
}

/**
 * Keeps an opened root for a bounded time. All requests that wait for one wait for the same call to the KMS; each gets a
 * copy of its own, which it overwrites.
 */
export class KeptRoot {
  readonly #open: (root: WrappedRoot, signal: AbortSignal) => Promise<MasterSecret>;
  readonly #options: KeptRootOptions;
  #kept: { readonly version: string; readonly master: MasterSecret; readonly cancel: () => void } | undefined;
  #opening: Opening | undefined;
  #failure: { readonly version: string; readonly error: unknown; readonly untilMs: number } | undefined;
  readonly #stop = new AbortController();

  constructor(open: (root: WrappedRoot, signal: AbortSignal) => Promise<MasterSecret>, options: KeptRootOptions) {
    this.#open = open;
    this.#options = options;
  }

  /** @throws KeyServiceError `master_secret_unavailable` */
  async get(root: WrappedRoot): Promise<MasterSecret> {
    const { version } = root;
    if (this.#kept?.version === version) return copyOf(this.#kept.master);
    if (this.#failure?.version === version && this.#options.nowMs() < this.#failure.untilMs) throw this.#failure.error;
    if (this.#opening?.version !== version) this.#opening = { version, done: this.#openNow(root) };
    await this.#opening.done;
    // Taken from what is kept, never from what may have been overwritten meanwhile.
    return this.get(root);
  }

  /** Ends a call to the KMS, and overwrites the root. */
  close(): void {
    this.#stop.abort();
    this.#forget();
  }

  async #openNow(root: WrappedRoot): Promise<void> {
    const { version } = root;
    const { keepMs, pauseMs, nowMs, schedule } = this.#options;
    try {
      // Not the signal of the request that came first: others wait for it, too. The KMS's own bounds end it.
      const master = await this.#open(root, this.#stop.signal);
      this.#forget();
      this.#failure = undefined;
      const { cancel } = schedule(keepMs, () => this.#forget());
      this.#kept = { version, master, cancel };
    } catch (error) {
      this.#failure = { version, error, untilMs: nowMs() + pauseMs };
      throw error;
    } finally {
      if (this.#opening?.version === version) this.#opening = undefined;
    }
  }

  #forget(): void {
    this.#kept?.cancel();
    this.#kept?.master.wipe();
    this.#kept = undefined;
  }
}

function copyOf(master: MasterSecret): MasterSecret {
  return new MasterSecret(master.reveal());
}
