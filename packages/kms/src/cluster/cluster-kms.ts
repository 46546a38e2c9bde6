import { createCipheriv, createDecipheriv } from "node:crypto";
import { concat } from "@constellation/bytes";
import { deriveKeyEncryptionKey, type KeyEncryptionKey, type MasterSecret, Secret } from "@constellation/keys";
import { NONCE_BYTES, TAG_BYTES } from "../envelope/format.ts";
import type { RandomBytes } from "../envelope/envelope-kms.ts";
import { KmsError } from "../error.ts";
import type { KeyDescription, KeyWrapper, WrappedKey } from "../key-wrapper.ts";

/** What the cluster itself wraps with. */
export interface ClusterKmsOptions {
  /** Gives the master secret and its salt for one derivation; the caller of this wipes the secret. */
  readonly masterSecret: (signal: AbortSignal) => Promise<{ readonly secret: MasterSecret; readonly salt: Uint8Array }>;
}

const CIPHER = "aes-256-gcm";
const KEY_NAME = "master-secret";

/** No external KMS: the key-encryption key is derived from the cluster's master secret. */
export class ClusterKms implements KeyWrapper {
  readonly kind = "cluster-kms";
  readonly #options: ClusterKmsOptions;
  readonly #random: RandomBytes;

  constructor(options: ClusterKmsOptions, random: RandomBytes) {
    this.#options = options;
    this.#random = random;
  }

  async wrapKey(key: Secret, context: Uint8Array, signal: AbortSignal): Promise<WrappedKey> {
    return this.#withKey(signal, (keyEncryptionKey) => {
      const nonce = this.#random(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, keyEncryptionKey.reveal(), nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(context);
      const sealed = concat(cipher.update(key.reveal()), cipher.final(), cipher.getAuthTag());
      return { keyName: KEY_NAME, bytes: concat(nonce, sealed) };
    });
  }

  async unwrapKey({ keyName, bytes }: WrappedKey, context: Uint8Array, signal: AbortSignal): Promise<Secret> {
    if (keyName !== KEY_NAME || bytes.length <= NONCE_BYTES + TAG_BYTES) throw corrupt();
    return this.#withKey(signal, (keyEncryptionKey) => {
      const nonce = bytes.subarray(0, NONCE_BYTES);
      const decipher = createDecipheriv(CIPHER, keyEncryptionKey.reveal(), nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(context).setAuthTag(bytes.subarray(-TAG_BYTES));
      const plaintext = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
      try {
        decipher.final();
        return new Secret(plaintext);
      } catch {
        throw corrupt();
      } finally {
        plaintext.fill(0);
      }
    });
  }

  async describeKey(signal: AbortSignal): Promise<KeyDescription> {
    return this.#withKey(signal, () => ({ state: "enabled", kind: "HKDF-SHA256 of the master secret" }) as const);
  }

  async #withKey<T>(signal: AbortSignal, use: (key: KeyEncryptionKey) => T): Promise<T> {
    if (signal.aborted)
      throw new KmsError("cancelled", "Use cluster KMS failed: got an end by the caller, wanted time");
    const { secret, salt } = await this.#options.masterSecret(signal);
    const key = deriveKeyEncryptionKey(secret, salt);
    try {
      return use(key);
    } finally {
      key.wipe();
      secret.wipe();
    }
  }
}

function corrupt(): KmsError {
  const message =
    "Unwrap key failed: got a content key that does not open, wanted one wrapped under this master secret";
  return new KmsError("wrapped_key_corrupt", message);
}
