/** Keys wrapped by a key that never leaves a KMS. */
export { DataKeys, type DataKeysDependencies } from "./data-keys.ts";
export { EnvelopeKms, type RandomBytes } from "./envelope/envelope-kms.ts";
export { type Envelope, parseEnvelope } from "./envelope/format.ts";
export { formatKeyContext, type KeyContext } from "./envelope/key-context.ts";
export { KmsError, type KmsErrorCode } from "./error.ts";
export { DEFAULT_LIMITS, type Fetch, type FetchInit, type Limits, type Tools } from "./http/fetch.ts";
export type {
  KeyDescription,
  KeyManagementService,
  KeyWrapper,
  KmsKind,
  KmsStatus,
  WrappedKey,
} from "./key-wrapper.ts";
export { parseTtlv, type Ttlv } from "./kmip/ttlv.ts";
export { nodeKmsDependencies } from "./node/dependencies.ts";
export { nodeTools } from "./node/tools.ts";
export { clusterKmsDependencies, type ClusterKmsDependencies, openClusterKms } from "./root/open-cluster-kms.ts";
export { MemoryStore } from "./store/memory-store.ts";
export type { WrappedKeyStore } from "./store/wrapped-key-store.ts";
export { type KmsDependencies, openKms } from "./uri/open-kms.ts";
export { openStore, type StoreDependencies } from "./uri/open-store.ts";
