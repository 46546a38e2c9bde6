import {
  deriveClusterId,
  deriveDataKey,
  deriveEtcdSecretsKey,
  deriveKeyEncryptionKey,
  deriveStateDiskKey,
} from "./derive.ts";
import { KeysError } from "./errors.ts";
import { type KeyGeneration, requireGeneration, requireSalt } from "./generation.ts";
import type { KeyId } from "./key-id.ts";
import type { DataKey, DiskKey, EtcdSecretsKey, KeyEncryptionKey } from "./roles.ts";

/** The generation that makes the cluster's ID, for ever. */
const FIRST = 1;

/**
 * The roots of a cluster's keys: generations 1, 2, ... of a master secret and its salt. The highest is current and makes
 * keys for what is encrypted anew; the others stay for what still uses them. Between the first and the current one,
 * generations that nothing used any more may have been removed.
 */
export class Keyring {
  readonly #generations: ReadonlyMap<number, KeyGeneration>;
  /** Number of the current generation. */
  readonly current: number;

  /**
   * @throws KeysError `generation_number` for a number out of bounds or a second time, `generation_missing` without the
   * first one, `salt_length`
   */
  constructor(generations: readonly KeyGeneration[]) {
    const map = new Map<number, KeyGeneration>();
    for (const entry of generations) {
      requireSalt(requireGeneration(entry.generation), entry.salt);
      if (map.has(entry.generation)) {
        const message = `Make keyring failed: got generation "${entry.generation}" twice, wanted each once`;
        throw new KeysError("generation_number", message);
      }
      map.set(entry.generation, entry);
    }
    if (!map.has(FIRST)) {
      const message = `Make keyring failed: got generations "${[...map.keys()].join(", ")}", wanted "1" among them`;
      throw new KeysError("generation_missing", message);
    }
    this.#generations = map;
    this.current = Math.max(...map.keys());
  }

  /** Numbers of the generations that are there, ascending. */
  get numbers(): readonly number[] {
    return [...this.#generations.keys()].sort((a, b) => a - b);
  }

  /** The generations that are there, ascending. */
  get generations(): readonly KeyGeneration[] {
    return this.numbers.map((generation) => this.get(generation));
  }

  /**
   * A generation by its number; 0 stands for the current one.
   * @throws KeysError `generation_number`, `generation_unknown` for one that this keyring does not have yet,
   * `generation_removed` for one that it has no more
   */
  get(generation: number): KeyGeneration {
    const number = generation === 0 ? this.current : requireGeneration(generation);
    const found = this.#generations.get(number);
    if (found !== undefined) return found;
    const got = `Get key generation failed: got "${number}"`;
    if (number < this.current) {
      throw new KeysError("generation_removed", `${got}, which was removed, wanted "${this.numbers.join(", ")}"`);
    }
    throw new KeysError("generation_unknown", `${got}, wanted at most the current "${this.current}"`);
  }

  /** The cluster's public identity: of the first generation, whichever is current. */
  clusterId(measurementSalt: Uint8Array): Uint8Array {
    const { master, salt } = this.get(FIRST);
    return deriveClusterId(master, salt, measurementSalt);
  }

  /** @throws KeysError as `get` and `deriveDataKey` */
  dataKey({ namespace, id }: KeyId, lengthBytes: number, generation: number): DataKey {
    const { master, salt } = this.get(generation);
    return deriveDataKey(master, salt, namespace, id, lengthBytes);
  }

  /** @throws KeysError as `get` and `deriveStateDiskKey` */
  stateDiskKey(diskUuid: string, generation: number): DiskKey {
    const { master, salt } = this.get(generation);
    return deriveStateDiskKey(master, salt, diskUuid);
  }

  /** @throws KeysError as `get` */
  etcdSecretsKey(generation: number): EtcdSecretsKey {
    const { master, salt } = this.get(generation);
    return deriveEtcdSecretsKey(master, salt);
  }

  /** @throws KeysError as `get` */
  keyEncryptionKey(generation: number): KeyEncryptionKey {
    const { master, salt } = this.get(generation);
    return deriveKeyEncryptionKey(master, salt);
  }

  /** Overwrites all master secrets. */
  wipe(): void {
    for (const { master } of this.#generations.values()) master.wipe();
  }
}
