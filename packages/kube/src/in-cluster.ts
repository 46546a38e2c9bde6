import { KubeApi, type KubeLimits } from "./api.ts";
import { type InClusterFiles, inClusterCredentials } from "./credentials.ts";

export { KubeApi, type KubeLimits } from "./api.ts";
export { KubeError, type KubeErrorCode } from "./errors.ts";
export { KubeMirror } from "./mirror.ts";
export type { ConfigMap, TokenReviewStatus } from "./objects.ts";
export type { KubeObject, ResourceType } from "./resource-type.ts";
export type { KubeResources } from "./resources.ts";

/** A pod's way to the API server. */
export interface InClusterOptions extends InClusterFiles {
  readonly host: string;
  readonly port: number;
}

/** A client with a pod's service account; token and CA are read again for each call. */
export function inClusterApi({ host, port, ...files }: InClusterOptions, limits: Partial<KubeLimits> = {}): KubeApi {
  const server = new URL(`https://${host.includes(":") ? `[${host}]` : host}:${port}`);
  return new KubeApi(server, inClusterCredentials(files), limits);
}
