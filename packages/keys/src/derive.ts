import { hkdfSync } from "node:crypto";
import { KeysError } from "./errors.ts";
import { type KeyNamespace, validateId, validateKeyLength } from "./key-id.ts";
import { DataKey, DiskKey, EtcdSecretsKey, KEY_LENGTH_BYTES, KeyEncryptionKey, type MasterSecret } from "./roles.ts";

// All keys come from HKDF-SHA256 (RFC 5869). The info strings below are the whole namespace; README.md lists them.
const INFO = "constellation/v1/";

/**
 * The cluster's public identity, 32 bytes: HKDF over a measurement secret that is itself derived from the master
 * secret, so that knowing the ID and the measurement salt says nothing about any key.
 * @throws KeysError `salt_length`
 */
export function deriveClusterId(master: MasterSecret, salt: Uint8Array, measurementSalt: Uint8Array): Uint8Array {
  const measurementSecret = hkdf(master.reveal(), salt, "measurement-secret", KEY_LENGTH_BYTES);
  return hkdf(measurementSecret, measurementSalt, "cluster-id", KEY_LENGTH_BYTES);
}

/**
 * The key of the state disk with this LUKS UUID: the data key `state-disk/<uuid>` of the key service, 32 bytes.
 * @throws KeysError `salt_length`, `key_id`
 */
export function deriveStateDiskKey(master: MasterSecret, salt: Uint8Array, diskUuid: string): DiskKey {
  return new DiskKey(deriveDataKey(master, salt, "state-disk", diskUuid, KEY_LENGTH_BYTES).reveal());
}

/**
 * The key under which control planes wrap the seeds of Kubernetes' encryption in etcd: the data key
 * `etcd-secrets/kubernetes` of the key service, 32 bytes.
 * @throws KeysError `salt_length`
 */
export function deriveEtcdSecretsKey(master: MasterSecret, salt: Uint8Array): EtcdSecretsKey {
  return new EtcdSecretsKey(hkdf(master.reveal(), salt, "etcd-secrets-key", KEY_LENGTH_BYTES));
}

/**
 * The key under which the cluster itself wraps content keys, 32 bytes.
 * @throws KeysError `salt_length`
 */
export function deriveKeyEncryptionKey(master: MasterSecret, salt: Uint8Array): KeyEncryptionKey {
  return new KeyEncryptionKey(hkdf(master.reveal(), salt, "key-encryption-key", KEY_LENGTH_BYTES));
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
  validateId(namespace, id);
  validateKeyLength(namespace, lengthBytes);
  if (namespace === "etcd-secrets") return new DataKey(deriveEtcdSecretsKey(master, salt).reveal());
  return new DataKey(hkdf(master.reveal(), salt, `data-key/${namespace}/${id}/${lengthBytes}`, lengthBytes));
}

function hkdf(secret: Uint8Array, salt: Uint8Array, name: string, lengthBytes: number): Uint8Array {
  if (salt.length !== KEY_LENGTH_BYTES) {
    throw new KeysError(
      "salt_length",
      `Derive ${name.split("/")[0]} failed: got a salt of "${salt.length}" bytes, wanted "${KEY_LENGTH_BYTES}"`,
    );
  }
  return new Uint8Array(hkdfSync("sha256", secret, salt, INFO + name, lengthBytes));
}
