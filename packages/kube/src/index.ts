export { KubeApi, type KubeLimits } from "./api.ts";
export { KubeClient } from "./client.ts";
export type { Credentials, CredentialSource, InClusterFiles } from "./credentials.ts";
export { KubeError, type KubeErrorCode } from "./errors.ts";
export { KubeMirror, type MirrorOptions } from "./mirror.ts";
export { apiVersionOf, type KubeObject, type ResourceType } from "./resource-type.ts";
export type { KubeList, KubeResources, MergePatch, ObjectKey, Selection, WatchEvent } from "./resources.ts";
export type {
  ConfigMap,
  ConfigMapPatch,
  Deployment,
  EndpointSlice,
  KubeNode,
  KubeNodePatch,
  KubePod,
  MetadataPage,
  NodeCondition,
  ObjectMeta,
  PersistentVolume,
  PodReference,
  Secret,
  SecretPatch,
  TokenReviewStatus,
} from "./objects.ts";
