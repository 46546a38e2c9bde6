import type { KeyServiceClient } from "@constellation/key-client";
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
/** How often the store can make us ask by writing large numbers into headers. */
const ASK_AGAIN_MS = 1_000;
/** Two bytes in the format; far more than a cluster will see. */
const MAX_GENERATION = 65_535;

/** KEKs from the key service, each generation fetched once. */
export class KekCache implements KekSource {
  readonly #client: KekClient;
  readonly #monotonicMs: () => number;
  readonly #keys = new Map<number, Promise<ObjectKek>>();
  #current: CurrentKek | undefined;
  #askedMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(client: KekClient, monotonicMs: () => number) {
    this.#client = client;
    this.#monotonicMs = monotonicMs;
  }

  async current(): Promise<CurrentKek> {
    await this.#ask(FRESH_MS);
    return this.#current!;
  }

  async get(generation: number): Promise<ObjectKek> {
    // Another proxy may have heard of a rotation before we did.
    if (this.#current === undefined || generation > this.#current.generation) await this.#ask(ASK_AGAIN_MS);
    const newest = this.#current!.generation;
    if (generation < 1 || generation > newest) {
      const message = `Get KEK failed: got generation ${generation}, wanted 1 to ${newest}`;
      throw new FormatError("kek_generation_unknown", message);
    }
    return await (this.#keys.get(generation) ?? this.#fetchOld(generation));
  }

  /** Asks which generation is current unless that was done lately; keeps the one that is known if nobody answers. */
  async #ask(freshMs: number): Promise<void> {
    if (this.#current !== undefined && this.#monotonicMs() - this.#askedMs < freshMs) return;
    this.#asking ??= this.#fetchCurrent().finally(() => (this.#asking = undefined));
    await this.#asking.catch((error: unknown) => {
      if (this.#current === undefined) throw error;
    });
  }

  async #fetchCurrent(): Promise<void> {
    this.#askedMs = this.#monotonicMs();
    const got = await this.#fetch();
    // Generations only grow: a smaller one is an answer from before.
    if (got.generation <= (this.#current?.generation ?? 0)) return;
    this.#keys.set(got.generation, Promise.resolve(got.key));
    this.#current = got;
  }

  #fetchOld(generation: number): Promise<ObjectKek> {
    const fetched = this.#fetch(generation).then(({ key }) => key);
    this.#keys.set(generation, fetched);
    fetched.catch(() => this.#keys.delete(generation));
    return fetched;
  }

  async #fetch(generation?: number): Promise<CurrentKek> {
    const request = {
      keyId: KEK_ID,
      lengthBytes: KEY_LENGTH_BYTES,
      ...(generation === undefined ? {} : { generation }),
    };
    // Not a caller's signal: others wait for the same key.
    const got = await this.#client.getDataKey(request, AbortSignal.timeout(TIMEOUT_MS));
    try {
      if (got.generation > MAX_GENERATION) {
        throw new Error(`Get KEK failed: got generation ${got.generation}, wanted 1 to ${MAX_GENERATION}`);
      }
      return { generation: got.generation, key: new ObjectKek(got.key.reveal()) };
    } finally {
      got.key.wipe();
    }
  }
}
