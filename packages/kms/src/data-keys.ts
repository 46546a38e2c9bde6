import { hex } from "@constellation/bytes";
import { DataKey, formatKeyId, type KeyId, Secret, validateKeyLength } from "@constellation/keys";
import type { RandomBytes } from "./envelope/envelope-kms.ts";
import { formatKeyContext } from "./envelope/key-context.ts";
import { KmsError, quoted } from "./error.ts";
import type { KeyManagementService } from "./key-wrapper.ts";
import type { WrappedKeyStore } from "./store/wrapped-key-store.ts";

/** What data keys are made with. */
export interface DataKeysDependencies {
  readonly kms: KeyManagementService;
  readonly store: WrappedKeyStore;
  readonly random: RandomBytes;
}

/**
 * Random data keys of one cluster, wrapped by a KMS and kept in a store. A key is made once: of control planes that make
 * the same key at once, the one whose wrapped key the store took decides, and all give that key.
 */
export class DataKeys {
  readonly #clusterId: Uint8Array;
  readonly #dependencies: DataKeysDependencies;

  /** @param clusterId 32 bytes, public */
  constructor(clusterId: Uint8Array, dependencies: DataKeysDependencies) {
    this.#clusterId = Uint8Array.from(clusterId);
    this.#dependencies = dependencies;
  }

  /**
   * The key of an ID, made where there is none. The caller wipes it.
   * @throws KmsError, and KeysError `key_length`
   */
  async getOrCreate(keyId: KeyId, lengthBytes: number, signal: AbortSignal): Promise<DataKey> {
    return (await this.get(keyId, lengthBytes, signal)) ?? this.#create(keyId, lengthBytes, signal);
  }

  /** The key of an ID; undefined where none was made. @throws KmsError, and KeysError `key_length` */
  async get(keyId: KeyId, lengthBytes: number, signal: AbortSignal): Promise<DataKey | undefined> {
    validateKeyLength(keyId.namespace, lengthBytes);
    const wrapped = await this.#dependencies.store.get(this.#storeId(keyId), signal);
    return wrapped && this.#open(wrapped, keyId, lengthBytes, signal);
  }

  async #create(keyId: KeyId, lengthBytes: number, signal: AbortSignal): Promise<DataKey> {
    const { kms, store, random } = this.#dependencies;
    const bytes = random(lengthBytes);
    const fresh = new Secret(bytes);
    bytes.fill(0);
    try {
      const wrapped = await kms.wrap(fresh, this.#context(keyId), signal);
      // What the store was given is opened before it counts: a key that only this process knows would be lost with it.
      const opened = await this.#open(wrapped, keyId, lengthBytes, signal);
      opened.wipe();
      await store.putIfAbsent(this.#storeId(keyId), wrapped, signal);
    } finally {
      fresh.wipe();
    }
    // The store's own answer decides, whoever was first.
    const kept = await this.get(keyId, lengthBytes, signal);
    if (kept !== undefined) return kept;
    const id = quoted(formatKeyId(keyId));
    throw new KmsError(
      "store_answer",
      `Make data key failed: got no wrapped key ${id} from a store that has one, wanted it`,
    );
  }

  async #open(wrapped: Uint8Array, keyId: KeyId, lengthBytes: number, signal: AbortSignal): Promise<DataKey> {
    const secret = await this.#dependencies.kms.unwrap(wrapped, this.#context(keyId), signal);
    try {
      if (secret.lengthBytes === lengthBytes) return new DataKey(secret.reveal());
      const got = `a data key of "${secret.lengthBytes}" bytes for ${quoted(formatKeyId(keyId))}`;
      throw new KmsError("key_length", `Get data key failed: got ${got}, wanted "${lengthBytes}"`);
    } finally {
      secret.wipe();
    }
  }

  #context(keyId: KeyId): Uint8Array {
    return formatKeyContext({ clusterId: this.#clusterId, keyId });
  }

  /** Clusters may share a store: the first part of an ID is the cluster's. */
  #storeId(keyId: KeyId): string {
    return `${hex(this.#clusterId)}/${formatKeyId(keyId)}`;
  }
}
