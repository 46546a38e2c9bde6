import { hkdfSync } from "node:crypto";
import { KeysError } from "./errors.ts";
import { type KeyId, type KeyNamespace, validateId, validateKeyLength } from "./key-id.ts";
import { DataKey, DiskKey, EtcdSecretsKey, KEY_LENGTH_BYTES, KeyEncryptionKey, type MasterSecret } from "./roles.ts";

// All keys come from HKDF-SHA256 (RFC 5869). The info strings below are the whole namespace; README.md lists them.
const INFO = "constellation/v1/";
const ETCD_SECRETS_KEY = "etcd-secrets-key";

/**
 * The cluster's public identity, 32 bytes: HKDF over a measurement secret that is itself derived from the master
 * secret, so that knowing the ID and the measurement salt says nothing about any key.
 * @throws KeysError `salt_length`
 */
export function deriveClusterId(master: MasterSecret, salt: Uint8Array, measurementSalt: Uint8Array): Uint8Array {
  return hkdf(master.reveal(), salt, "measurement-secret", KEY_LENGTH_BYTES, (measurementSecret) =>
    hkdf(measurementSecret, measurementSalt, "cluster-id", KEY_LENGTH_BYTES, (clusterId) => Uint8Array.from(clusterId)),
  );
}

/**
 * The key of the state disk with this LUKS UUID: the data key `state-disk/<uuid>` of the key service, 32 bytes.
 * @throws KeysError `salt_length`, `key_id`
 */
export function deriveStateDiskKey(master: MasterSecret, salt: Uint8Array, diskUuid: string): DiskKey {
  const keyId = { namespace: "state-disk", id: diskUuid } as const;
  return dataKey(master, salt, keyId, KEY_LENGTH_BYTES, (bytes) => new DiskKey(bytes));
}

/**
 * The key under which control planes wrap the seeds of Kubernetes' encryption in etcd: the data key
 * `etcd-secrets/kubernetes` of the key service, 32 bytes.
 * @throws KeysError `salt_length`
 */
export function deriveEtcdSecretsKey(master: MasterSecret, salt: Uint8Array): EtcdSecretsKey {
  return hkdf(master.reveal(), salt, ETCD_SECRETS_KEY, KEY_LENGTH_BYTES, (bytes) => new EtcdSecretsKey(bytes));
}

/**
 * The key under which the cluster itself wraps content keys, 32 bytes.
 * @throws KeysError `salt_length`
 */
export function deriveKeyEncryptionKey(master: MasterSecret, salt: Uint8Array): KeyEncryptionKey {
  return hkdf(master.reveal(), salt, "key-encryption-key", KEY_LENGTH_BYTES, (bytes) => new KeyEncryptionKey(bytes));
}

/**
 * A data key. The length is part of the info string: a shorter key is not a prefix of a longer one of the same ID.
 * @throws KeysError `salt_length`, `key_id`, `key_length`
 */
export function deriveDataKey(
  master: MasterSecret,
  salt: Uint8Array,
  namespace: KeyNamespace,
  id: string,
  lengthBytes: number,
): DataKey {
  return dataKey(master, salt, { namespace, id }, lengthBytes, (bytes) => new DataKey(bytes));
}

function dataKey<T>(
  master: MasterSecret,
  salt: Uint8Array,
  { namespace, id }: KeyId,
  lengthBytes: number,
  make: (bytes: Uint8Array) => T,
): T {
  validateId(namespace, id);
  validateKeyLength(namespace, lengthBytes);
  const name = namespace === "etcd-secrets" ? ETCD_SECRETS_KEY : `data-key/${namespace}/${id}/${lengthBytes}`;
  return hkdf(master.reveal(), salt, name, lengthBytes, make);
}

/** Gives what `make` makes of the derived bytes, which are then overwritten: it must take a copy. */
function hkdf<T>(
  secret: Uint8Array,
  salt: Uint8Array,
  name: string,
  lengthBytes: number,
  make: (bytes: Uint8Array) => T,
): T {
  if (salt.length !== KEY_LENGTH_BYTES) {
    throw new KeysError(
      "salt_length",
      `Derive ${name.split("/")[0]} failed: got a salt of "${salt.length}" bytes, wanted "${KEY_LENGTH_BYTES}"`,
    );
  }
  const bytes = new Uint8Array(hkdfSync("sha256", secret, salt, INFO + name, lengthBytes));
  try {
    return make(bytes);
  } finally {
    bytes.fill(0);
  }
}
