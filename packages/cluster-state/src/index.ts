export {
  type ClusterSettings,
  type RegistryMirror,
  TIMING_PROFILES,
  type TimingProfile,
} from "./cluster-settings.ts";
export {
  CLUSTER_STATE_NAME,
  CLUSTER_STATE_NAMESPACE,
  type ClusterState,
  parseClusterState,
  serializeClusterState,
} from "./cluster-state.ts";
export { CONTROL_PLANE_FILES, type ControlPlaneFile } from "./control-plane-files.ts";
export { ClusterStateError, type ClusterStateErrorCode } from "./errors.ts";
export {
  GENERATION_ANNOTATIONS,
  VOLUME_FORMATTING_ANNOTATION,
  KEYRING_NAME,
  KEYRING_NAMESPACE,
  VOLUME_UUID_ANNOTATION,
} from "./key-generations.ts";
export { NODE_ROLES, type NodeRecord, type NodeRole } from "./node-records.ts";
