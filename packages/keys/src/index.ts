export {
  deriveClusterId,
  deriveDataKey,
  deriveEtcdSecretsKey,
  deriveKeyEncryptionKey,
  deriveStateDiskKey,
} from "./derive.ts";
export { stateDiskUuid } from "./disk-uuid.ts";
export { collectEtcdKeys, type EtcdKey, type GivenKey } from "./etcd-keys.ts";
export { KeysError, type KeysErrorCode } from "./errors.ts";
export { isGeneration, type KeyGeneration, MAX_GENERATION, requireGeneration } from "./generation.ts";
export { formatKeyringEntries, generationEntries, openGenerations, parseKeyringEntries } from "./keyring-entries.ts";
export type { KeyringEntries, StoredGeneration } from "./keyring-entries.ts";
export { Keyring } from "./keyring.ts";
export {
  DATA_KEY_MAX_BYTES,
  DATA_KEY_MIN_BYTES,
  ETCD_SECRETS_KEY_ID,
  formatKeyId,
  isUuid,
  KEY_NAMESPACES,
  type KeyId,
  type KeyNamespace,
  parseKeyId,
  validateKeyLength,
} from "./key-id.ts";
export { DataKey, DiskKey, EtcdSecretsKey, KEY_LENGTH_BYTES, KeyEncryptionKey, MasterSecret } from "./roles.ts";
export { Secret } from "./secret.ts";
