/** The root key of a cluster in an external KMS, without the KMSs themselves: for programs that seldom need one. */
export { hintOf, KmsError } from "../error.ts";
export { CREDENTIAL_LIMITS, isCredentialName, validateClusterUris } from "../uri/cluster-uris.ts";
export {
  addressIn,
  type ClusterKeyManagement,
  describeKms,
  type OpenedKeyManagement,
} from "./cluster-key-management.ts";
export { openRootKey, requireRootOfCluster, type WrappedRootKey, wrapRootKey } from "./root-key.ts";
