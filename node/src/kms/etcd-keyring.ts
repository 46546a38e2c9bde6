import { type EtcdKey, type EtcdSecretsKey, requireGeneration } from "@constellation/keys";
import { NodeError } from "../errors.ts";

/** A key of the ring, and since when this node could read with it. */
export interface HeldKey extends EtcdKey {
  /** On the clock of the ring; 0 for keys that the node came with. */
  readonly knownSinceMs: number;
}

/**
 * How long a generation that a running node learned of is only read with. A control plane must not write what another
 * can't read: by then every one has asked for new generations (`follow-generations.ts`).
 */
export const READ_BEFORE_WRITE_MS = 6 * 60_000;

/**
 * The etcd secrets keys of all generations that a control plane holds, in memory. Everything that was ever encrypted
 * stays readable while its generation is here; what is new is encrypted under one of them.
 */
export class EtcdKeyring {
  readonly #nowMs: () => number;
  #keys = new Map<number, HeldKey>();
  #newerMissed = Promise.withResolvers<void>();
  #written: number | undefined;
  #writtenChanged = Promise.withResolvers<void>();

  /** @param nowMs a clock that goes on over restarts of the agent, but not over those of the machine */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** All keys, oldest generation first. */
  get held(): readonly HeldKey[] {
    return [...this.#keys.values()].toSorted((a, b) => a.generation - b.generation);
  }

  /** The key of a generation. */
  get(generation: number): EtcdSecretsKey | undefined {
    const key = this.#keys.get(generation)?.key;
    if (key === undefined && generation > (this.held.at(-1)?.generation ?? 0)) this.#newerMissed.resolve();
    return key;
  }

  /** Settles when a generation newer than all here is looked for: another control plane writes with it already. */
  newerMissed(): Promise<void> {
    this.#newerMissed = Promise.withResolvers<void>();
    return this.#newerMissed.promise;
  }

  /** What new data is encrypted under: the highest generation that was known for long enough. */
  get current(): EtcdKey | undefined {
    const now = this.#nowMs();
    const ripe = this.held.filter(
      ({ knownSinceMs }) => knownSinceMs === 0 || now - knownSinceMs >= READ_BEFORE_WRITE_MS,
    );
    return ripe.at(-1) ?? this.held[0];
  }

  /**
   * The generation under which the API server was last given a wrapped seed, and so writes; `undefined` while it has asked
   * for none in this life of the agent.
   */
  get written(): number | undefined {
    return this.#written;
  }

  /** The API server was given a seed that is wrapped under this generation. */
  noteWritten(generation: number): void {
    if (generation === this.#written) return;
    this.#written = generation;
    this.#writtenChanged.resolve();
  }

  /** Settles when the API server begins to write under another generation. */
  writtenChanged(): Promise<void> {
    this.#writtenChanged = Promise.withResolvers<void>();
    return this.#writtenChanged.promise;
  }

  /**
   * Takes exactly these keys, which are the ring's from now on: those that are new at once for reading and writing, or for
   * reading first. A generation that is not among them is dropped and overwritten.
   * @throws NodeError `kms_key` when a generation has another key than before, or stands there twice; KeysError
   */
  replace(keys: readonly EtcdKey[], use: "at-once" | "read-first"): void {
    const knownSinceMs = use === "at-once" ? 0 : this.#nowMs();
    const next = new Map<number, HeldKey>();
    for (const { generation, key } of keys) {
      requireGeneration(generation);
      const held = this.#keys.get(generation);
      if (next.has(generation)) throw refused(`generation "${generation}" twice`, "each once");
      if (held !== undefined && !held.key.equals(key)) {
        throw refused(`another key of generation "${generation}"`, "the one that data was encrypted under");
      }
      next.set(generation, held ?? { generation, key, knownSinceMs });
    }
    // Of a key that is held already there is no need of a second copy.
    for (const { generation, key } of keys) if (next.get(generation)?.key !== key) key.wipe();
    this.#take(next);
  }

  /** Puts back what an earlier life of the agent held. */
  restore(keys: readonly HeldKey[]): void {
    this.#take(new Map(keys.map((held) => [held.generation, held])));
  }

  #take(next: Map<number, HeldKey>): void {
    for (const [generation, { key }] of this.#keys) if (!next.has(generation)) key.wipe();
    this.#keys = next;
  }
}

function refused(got: string, wanted: string): NodeError {
  return new NodeError("kms_key", `Take keys for secrets in etcd failed: got ${got}, wanted ${wanted}`);
}
