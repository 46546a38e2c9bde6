import type { GenerationedKey, KeyServiceClient } from "@constellation/key-client";
import { formatKeyId, KEY_LENGTH_BYTES } from "@constellation/keys";
import { FormatError } from "./format/error.ts";
import { type CurrentKek, type KekSource, ObjectKek } from "./format/keys.ts";

/** Whom we ask for KEKs. */
export type KekClient = Pick<KeyServiceClient, "getDataKey">;

/** Which key of the key service the KEK is. Rotation gives it generations; another ID would be another key. */
export const KEK_ID = formatKeyId({ namespace: "object-kek", id: "v1" });

const TIMEOUT_MS = 15_000;
/** How long it takes at most until new objects are under a new generation. */
const FRESH_MS = 60_000;
/** How long a KEK counts after the key service was asked for it and gave it: as long as the service keeps its root. */
const COUNTS_MS = 10 * 60_000;
/** How often the store can make us ask by writing large numbers into headers. */
const ASK_AGAIN_MS = 1_000;
/** Two bytes in the format; far more than a cluster will see. */
const MAX_GENERATION = 65_535;

/** A KEK, and when the key service was asked that gave it. */
interface KnownKek extends CurrentKek {
  readonly askedMs: number;
}

/**
 * KEKs from the key service, each generation fetched once in ten minutes. What the key service has not given again by then
 * counts no longer: whoever takes the cluster's root key away at its KMS, or removes a generation, stops this proxy too.
 */
export class KekCache implements KekSource {
  readonly #client: KekClient;
  readonly #monotonicMs: () => number;
  readonly #known = new Map<number, KnownKek>();
  readonly #fetching = new Map<number, Promise<KnownKek>>();
  #newest = 0;
  #askedMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<KnownKek> | undefined;

  constructor(client: KekClient, monotonicMs: () => number) {
    this.#client = client;
    this.#monotonicMs = monotonicMs;
  }

  async current(): Promise<CurrentKek> {
    return await this.#ask(FRESH_MS);
  }

  async get(generation: number): Promise<ObjectKek> {
    const known = this.#find(generation);
    if (known !== undefined) return known.key;
    let newest = this.#find(this.#newest);
    // Another proxy may have heard of a rotation before we did.
    if (newest === undefined || generation > newest.generation) newest = await this.#ask(ASK_AGAIN_MS);
    if (generation < 1 || generation > newest.generation) {
      const message = `Get KEK failed: got generation ${generation}, wanted 1 to ${newest.generation}`;
      throw new FormatError("kek_generation_unknown", message);
    }
    return (this.#find(generation) ?? (await this.#fetchOld(generation))).key;
  }

  /** Asks which generation is current unless that was done lately; keeps one that still counts if nobody answers. */
  async #ask(freshMs: number): Promise<KnownKek> {
    const known = this.#find(this.#newest);
    if (known !== undefined && this.#monotonicMs() - this.#askedMs < freshMs) return known;
    this.#asking ??= this.#fetchCurrent().finally(() => (this.#asking = undefined));
    try {
      return await this.#asking;
    } catch (error) {
      const still = this.#find(this.#newest);
      if (still === undefined) throw error;
      return still;
    }
  }

  async #fetchCurrent(): Promise<KnownKek> {
    this.#askedMs = this.#monotonicMs();
    const got = await this.#fetch();
    const known = this.#find(this.#newest);
    // Generations only grow: a smaller one is an answer from before, and does not confirm the later one.
    if (known !== undefined && got.generation < known.generation) return known;
    this.#newest = got.generation;
    return got;
  }

  #fetchOld(generation: number): Promise<KnownKek> {
    const under = this.#fetching.get(generation);
    if (under !== undefined) return under;
    const fetching = this.#fetch(generation).finally(() => this.#fetching.delete(generation));
    this.#fetching.set(generation, fetching);
    return fetching;
  }

  /**
   * A KEK that counts. Those that do no longer are dropped, not overwritten: a request that was just given one derives from
   * it next, and would derive from zeros. Health checks ask often enough that none stays long.
   */
  #find(generation: number): KnownKek | undefined {
    const nowMs = this.#monotonicMs();
    for (const known of this.#known.values()) {
      if (nowMs - known.askedMs >= COUNTS_MS) this.#known.delete(known.generation);
    }
    return this.#known.get(generation);
  }

  async #fetch(generation?: number): Promise<KnownKek> {
    const request = {
      keyId: KEK_ID,
      lengthBytes: KEY_LENGTH_BYTES,
      ...(generation === undefined ? {} : { generation }),
    };
    const askedMs = this.#monotonicMs();
    // Not a caller's signal: others wait for the same key.
    const got = await this.#client.getDataKey(request, AbortSignal.timeout(TIMEOUT_MS));
    try {
      if (got.generation > MAX_GENERATION) {
        throw new Error(`Get KEK failed: got generation ${got.generation}, wanted 1 to ${MAX_GENERATION}`);
      }
      const known = { generation: got.generation, key: this.#keyOf(got), askedMs };
      this.#known.set(got.generation, known);
      return known;
    } finally {
      got.key.wipe();
    }
  }

  /** The key that is known already, if it is this one: no further copy of it. */
  #keyOf({ generation, key }: GenerationedKey): ObjectKek {
    const known = this.#known.get(generation)?.key;
    return known?.equals(key) === true ? known : new ObjectKek(key.reveal());
  }
}
