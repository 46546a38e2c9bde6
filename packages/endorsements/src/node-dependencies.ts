import { setTimeout as delay } from "node:timers/promises";
import type { NetworkDependencies, Notice } from "./cache/caching-client.ts";
import { FileStore } from "./cache/file-store.ts";
import { createFetch, type FetchOptions } from "./http/fetch.ts";

/** What a program decides about the world outside. */
export interface NodeOptions extends FetchOptions {
  /** Is made when something is kept. */
  readonly cacheDirectory: string;
  readonly notify: (notice: Notice) => void;
}

/** Network, clock and files of this machine. */
export function nodeDependencies({ cacheDirectory, notify, ...fetchOptions }: NodeOptions): NetworkDependencies {
  return {
    fetch: createFetch(fetchOptions),
    store: new FileStore(cacheDirectory),
    now: () => new Date(),
    delay: (waitMs, signal) => delay(waitMs, undefined, { signal }),
    notify,
  };
}
