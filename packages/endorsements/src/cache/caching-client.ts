import { EndorsementError, isTransient } from "../error.ts";
import { type Download, download } from "../http/download.ts";
import type { Fetch } from "../http/fetch.ts";
import { HostQueue } from "../http/host-queue.ts";
import type { Limits } from "../http/limits.ts";
import { retry } from "../http/retry.ts";
import { decodeEntry, encodeEntry, type Entry } from "./entry.ts";
import { freshnessOf, type Freshness } from "./freshness.ts";
import type { Resource } from "./resource.ts";
import type { EndorsementStore } from "./store.ts";

/** What is told on the way. */
export type Notice =
  /** Another attempt is made after a wait. */
  | { readonly kind: "waiting"; readonly url: string; readonly waitMs: number; readonly error: EndorsementError }
  /** The vendor could not be asked, and what is kept is used. */
  | { readonly kind: "kept_used"; readonly url: string; readonly fetchedAt: Date; readonly error: EndorsementError }
  /** An answer could not be kept; the next time the vendor is asked again. */
  | { readonly kind: "not_kept"; readonly url: string; readonly error: unknown };

/** The world outside. */
export interface NetworkDependencies {
  readonly fetch: Fetch;
  readonly store: EndorsementStore;
  readonly now: () => Date;
  /** Rejects when the signal ends it. */
  readonly delay: (waitMs: number, signal: AbortSignal) => Promise<void>;
  readonly notify: (notice: Notice) => void;
}

/** How the cache is used. */
export interface CachingOptions {
  /** "reload" fetches everything anew, and keeps it: for when what is kept turned out not to verify. */
  readonly cache: "use" | "reload";
  readonly limits: Limits;
}

interface Found<T> extends Freshness {
  readonly value: T;
  readonly entry: Entry;
}

/** Headers that a later request can refer to (RFC 9110 sections 13.1.1 and 13.1.3), and how. */
const VALIDATORS = { etag: "if-none-match", "last-modified": "if-modified-since" } as const;

/** Gets what vendors publish, from what is kept as long as it is fresh. */
export class CachingClient {
  readonly #options: CachingOptions;
  readonly #dependencies: NetworkDependencies;
  readonly #hosts = new HostQueue();

  constructor(options: CachingOptions, dependencies: NetworkDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
  }

  /** Throws `EndorsementError`. */
  async get<T>(resource: Resource<T>, signal: AbortSignal): Promise<T> {
    const found = await this.#find(resource);
    if (found?.isFresh) return found.value;
    return this.#hosts.run(new URL(resource.url).host, () => this.#getInTurn(resource, signal));
  }

  async #getInTurn<T>(resource: Resource<T>, signal: AbortSignal): Promise<T> {
    // Whoever had the turn before may have fetched the same.
    const found = await this.#find(resource);
    if (found?.isFresh) return found.value;
    try {
      return await this.#refresh(resource, found, signal);
    } catch (error) {
      if (!found?.isUsable || !isTransient(error)) throw error;
      const { url, fetchedAt } = found.entry;
      this.#dependencies.notify({ kind: "kept_used", url, fetchedAt, error });
      return found.value;
    }
  }

  /** What is kept; an entry that is damaged, or from which nothing can be read, is none. */
  async #find<T>(resource: Resource<T>): Promise<Found<T> | undefined> {
    if (this.#options.cache === "reload") return undefined;
    const bytes = await this.#dependencies.store.get(resource.url);
    const entry = bytes && decodeEntry(bytes, resource.url);
    if (entry === undefined) return undefined;
    try {
      const { value, validity } = resource.read(entry);
      const { maxAgeMs } = this.#options.limits;
      return { value, entry, ...freshnessOf(validity, entry.fetchedAt, this.#dependencies.now(), maxAgeMs) };
    } catch (error) {
      if (error instanceof EndorsementError) return undefined;
      throw error;
    }
  }

  async #refresh<T>(resource: Resource<T>, found: Found<T> | undefined, signal: AbortSignal): Promise<T> {
    const answer = await this.#download(resource, found, signal);
    const { url } = resource;
    const fetchedAt = this.#dependencies.now();
    if (answer.kind === "not_modified") {
      const { entry, value } = found as Found<T>;
      await this.#keep({ ...entry, fetchedAt });
      return value;
    }
    const entry = { url, fetchedAt, headers: kept(answer.headers, resource.headers), body: answer.body };
    const { value } = resource.read(entry);
    await this.#keep(entry);
    return value;
  }

  #download<T>(resource: Resource<T>, found: Found<T> | undefined, signal: AbortSignal): Promise<Download> {
    const { url, name } = resource;
    const { fetch, now, delay, notify } = this.#dependencies;
    const { limits } = this.#options;
    const request = { url, name, conditions: conditionsOf(found?.entry.headers ?? {}) };
    // Whoever has something to go on with does not wait for something newer.
    const maxAttempts = found?.isUsable ? 1 : limits.maxAttempts;
    const onWait = (waitMs: number, error: EndorsementError) => notify({ kind: "waiting", url, waitMs, error });
    const tools = { now, delay, onWait, limits: { ...limits, maxAttempts } };
    return retry(() => download(request, { fetch, now, limits }, signal), tools, signal);
  }

  /** A cache that cannot be written costs time the next time, and nothing now. */
  async #keep(entry: Entry): Promise<void> {
    try {
      await this.#dependencies.store.put(entry.url, encodeEntry(entry));
    } catch (error) {
      this.#dependencies.notify({ kind: "not_kept", url: entry.url, error });
    }
  }
}

function conditionsOf(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(VALIDATORS).flatMap(([name, condition]) => {
      const value = headers[name];
      return value === undefined ? [] : [[condition, value]];
    }),
  );
}

/** The headers of an answer that are kept. */
function kept(headers: Headers, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    [...names, ...Object.keys(VALIDATORS)].flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
}
