import { setTimeout as wait } from "node:timers/promises";
import { KubeError } from "./errors.ts";
import type { KubeObject } from "./resource-type.ts";
import type { KubeResources, ObjectKey, Selection } from "./resources.ts";

/** What a mirror is told, and what it takes from outside. */
export interface MirrorOptions {
  readonly selection?: Selection;
  /** Called after each change, also after the first list. */
  readonly onChange: () => void;
  /** Hears of each failure; the mirror tries again by itself. */
  readonly onError?: (error: KubeError) => void;
  readonly delay?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** A number from 0 to 1, so that many mirrors do not come back at the same moment. */
  readonly random?: () => number;
}

const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 30_000;

/**
 * A copy of all objects of a kind that follows the API server: one list, then a watch from there, and a list again after
 * anything went wrong. Failed lists and watches are tried again after 100 ms, then twice as long each time, up to half a
 * minute. What it holds may be old: whoever does something that can't be undone asks the API server first.
 */
export class KubeMirror<T extends KubeObject> {
  readonly #source: KubeResources<T>;
  readonly #options: MirrorOptions;
  #objects: Map<string, T> | undefined;
  #failures = 0;

  constructor(source: KubeResources<T>, options: MirrorOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** Whether there was a list yet. */
  get synced(): boolean {
    return this.#objects !== undefined;
  }

  items(): readonly T[] {
    return [...(this.#objects?.values() ?? [])];
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects?.get(keyOf(key));
  }

  /** Follows the API server until the signal says stop. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (error) {
        if (!(error instanceof KubeError)) throw error;
        if (!signal.aborted) await this.#pause(error, signal);
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { items, resourceVersion } = await this.#source.list(this.#options.selection, signal);
    this.#objects = new Map(items.map((item) => [keyOf(item.metadata), item]));
    this.#options.onChange();
    let version = resourceVersion;
    while (!signal.aborted) {
      const before = version;
      for await (const { type, object } of this.#source.watch(version, this.#options.selection ?? {}, signal)) {
        version = object.metadata.resourceVersion ?? version;
        this.#failures = 0;
        if (type !== "BOOKMARK") this.#change(type, object);
      }
      // A watch lasts minutes and tells bookmarks meanwhile: one that ends without a word would be asked for without end.
      if (version === before) throw new KubeError("server_error", "Watch failed: got an end without any event");
    }
  }

  #change(type: "ADDED" | "MODIFIED" | "DELETED", object: T): void {
    if (type === "DELETED") this.#objects?.delete(keyOf(object.metadata));
    else this.#objects?.set(keyOf(object.metadata), object);
    this.#options.onChange();
  }

  async #pause(error: KubeError, signal: AbortSignal): Promise<void> {
    this.#options.onError?.(error);
    const { delay = defaultDelay, random = Math.random } = this.#options;
    const most = Math.min(FIRST_DELAY_MS * 2 ** this.#failures, LAST_DELAY_MS);
    this.#failures += 1;
    await delay(most * (0.5 + random() / 2), signal);
  }
}

function keyOf({ namespace, name }: ObjectKey): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

async function defaultDelay(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => undefined);
}
