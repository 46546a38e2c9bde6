import { KeysError } from "./errors.ts";
import { Secret } from "./secret.ts";

/** Length of the master secret, its salt, the measurement salt and all fixed-length keys. */
export const KEY_LENGTH_BYTES = 32;

// One class for each role: `role` makes the classes different types, so that a key can't be passed in another's place.

/** The root of the key hierarchy: 32 bytes from the operator's random source. */
export class MasterSecret extends Secret {
  readonly role = "master-secret";

  constructor(bytes: Uint8Array) {
    checkLength("master secret", bytes);
    super(bytes);
  }
}

/** The key of one node's state disk (LUKS key slot). */
export class DiskKey extends Secret {
  readonly role = "disk-key";

  constructor(bytes: Uint8Array) {
    checkLength("state disk key", bytes);
    super(bytes);
  }
}

/** The key under which control planes wrap the seeds of Kubernetes' encryption in etcd. */
export class EtcdSecretsKey extends Secret {
  readonly role = "etcd-secrets-key";

  constructor(bytes: Uint8Array) {
    checkLength("etcd secrets key", bytes);
    super(bytes);
  }
}

/** The key under which the cluster itself wraps content keys, where no external KMS does. */
export class KeyEncryptionKey extends Secret {
  readonly role = "key-encryption-key";

  constructor(bytes: Uint8Array) {
    checkLength("key-encryption key", bytes);
    super(bytes);
  }
}

/** A key of a namespace of the key service. */
export class DataKey extends Secret {
  readonly role = "data-key";
}

function checkLength(what: string, bytes: Uint8Array): void {
  if (bytes.length === KEY_LENGTH_BYTES) return;
  throw new KeysError(
    "secret_length",
    `Make ${what} failed: got "${bytes.length}" bytes, wanted "${KEY_LENGTH_BYTES}"`,
  );
}
