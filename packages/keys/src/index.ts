export {
  deriveClusterId,
  deriveDataKey,
  deriveEtcdSecretsKey,
  deriveKeyEncryptionKey,
  deriveStateDiskKey,
} from "./derive.ts";
export { stateDiskUuid } from "./disk-uuid.ts";
export { collectEtcdKeys, type EtcdKey, type GivenKey, MAX_GENERATION, validateGeneration } from "./etcd-keys.ts";
export { KeysError, type KeysErrorCode } from "./errors.ts";
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
