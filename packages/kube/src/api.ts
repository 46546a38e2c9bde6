import type { CredentialSource } from "./credentials.ts";
import { KubeError } from "./errors.ts";
import { segment } from "./names.ts";
import type {
  ConfigMap,
  ConfigMapPatch,
  DaemonSet,
  Deployment,
  EndpointSlice,
  KubeNode,
  KubeNodePatch,
  KubePod,
  MetadataPage,
  PersistentVolume,
  PodReference,
  Secret,
  SecretPatch,
  TokenReviewStatus,
} from "./objects.ts";
import type { KubeObject, ResourceType } from "./resource-type.ts";
import { KubeResources } from "./resources.ts";
import { statusError } from "./status.ts";
import { abortError, type KubeRequest, send, sendForLines } from "./transport.ts";

/** Bounds of each call. */
export interface KubeLimits {
  readonly requestTimeoutMs: number;
  readonly maxResponseBytes: number;
}

const DEFAULT_LIMITS: KubeLimits = { requestTimeoutMs: 10_000, maxResponseBytes: 8 * 1024 * 1024 };
const MERGE_PATCH = "application/merge-patch+json";
const METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/**
 * The few calls to the API server that our pods, agent and CLI make. A full client library would do as well, but costs
 * more than 30 MB of resident memory in every pod, and its informers are not needed here.
 *
 * Every method throws KubeError only.
 */
export class KubeApi {
  readonly #server: URL;
  readonly #credentials: CredentialSource;
  readonly #limits: KubeLimits;

  constructor(server: URL, credentials: CredentialSource, limits: Partial<KubeLimits> = {}) {
    this.#server = server;
    this.#credentials = credentials;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  async getConfigMap(namespace: string, name: string, signal?: AbortSignal): Promise<ConfigMap> {
    const path = `/api/v1/namespaces/${segment(namespace)}/configmaps/${segment(name)}`;
    return this.#json(`Get ConfigMap "${namespace}/${name}"`, "GET", path, "ConfigMap", {}, signal);
  }

  async createConfigMap(namespace: string, configMap: ConfigMap, signal?: AbortSignal): Promise<ConfigMap> {
    const body = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", ...configMap });
    const path = `/api/v1/namespaces/${segment(namespace)}/configmaps`;
    const operation = `Create ConfigMap "${namespace}/${configMap.metadata.name}"`;
    return this.#json(operation, "POST", path, "ConfigMap", { body, contentType: "application/json" }, signal);
  }

  /** @param labelSelector for example `app=x` */
  async listConfigMaps(namespace: string, labelSelector: string, signal?: AbortSignal): Promise<readonly ConfigMap[]> {
    type ConfigMapList = { readonly items?: readonly ConfigMap[] };
    const query = new URLSearchParams({ labelSelector });
    const path = `/api/v1/namespaces/${segment(namespace)}/configmaps?${query.toString()}`;
    const operation = `List ConfigMaps of "${namespace}"`;
    return (await this.#json<ConfigMapList>(operation, "GET", path, "ConfigMapList", {}, signal)).items ?? [];
  }

  async deleteConfigMap(namespace: string, name: string, signal?: AbortSignal): Promise<void> {
    const path = `/api/v1/namespaces/${segment(namespace)}/configmaps/${segment(name)}`;
    await this.#send(`Delete ConfigMap "${namespace}/${name}"`, "DELETE", path, {}, signal);
  }

  /** Applies a merge patch. With `metadata.resourceVersion` in it, a change by another meanwhile gives `conflict`. */
  async patchConfigMap(
    namespace: string,
    name: string,
    patch: ConfigMapPatch,
    signal?: AbortSignal,
  ): Promise<ConfigMap> {
    const path = `/api/v1/namespaces/${segment(namespace)}/configmaps/${segment(name)}`;
    const content = { body: JSON.stringify(patch), contentType: MERGE_PATCH };
    return this.#json(`Patch ConfigMap "${namespace}/${name}"`, "PATCH", path, "ConfigMap", content, signal);
  }

  async getNode(name: string, signal?: AbortSignal): Promise<KubeNode> {
    return this.#json(`Get node "${name}"`, "GET", `/api/v1/nodes/${segment(name)}`, "Node", {}, signal);
  }

  async listNodes(signal?: AbortSignal): Promise<readonly KubeNode[]> {
    type NodeList = { readonly items?: readonly KubeNode[] };
    const list = await this.#json<NodeList>("List nodes", "GET", "/api/v1/nodes", "NodeList", {}, signal);
    return list.items ?? [];
  }

  async getDeployment(namespace: string, name: string, signal?: AbortSignal): Promise<Deployment> {
    const path = `/apis/apps/v1/namespaces/${segment(namespace)}/deployments/${segment(name)}`;
    return this.#json(`Get Deployment "${namespace}/${name}"`, "GET", path, "Deployment", {}, signal);
  }

  async getDaemonSet(namespace: string, name: string, signal?: AbortSignal): Promise<DaemonSet> {
    const path = `/apis/apps/v1/namespaces/${segment(namespace)}/daemonsets/${segment(name)}`;
    return this.#json(`Get DaemonSet "${namespace}/${name}"`, "GET", path, "DaemonSet", {}, signal);
  }

  /** The names of a Secret's entries; what they hold is not given. */
  async getSecretKeys(namespace: string, name: string, signal?: AbortSignal): Promise<readonly string[]> {
    type Secret = { readonly data?: Readonly<Record<string, string>> };
    const path = `/api/v1/namespaces/${segment(namespace)}/secrets/${segment(name)}`;
    const operation = `Get names in Secret "${namespace}/${name}"`;
    return Object.keys((await this.#json<Secret>(operation, "GET", path, "Secret", {}, signal)).data ?? {});
  }

  /** Applies a merge patch. */
  async patchNode(name: string, patch: KubeNodePatch, signal?: AbortSignal): Promise<KubeNode> {
    const content = { body: JSON.stringify(patch), contentType: MERGE_PATCH };
    return this.#json(`Patch node "${name}"`, "PATCH", `/api/v1/nodes/${segment(name)}`, "Node", content, signal);
  }

  /** Deletes a Node object; the pods that are bound to it end with it. */
  async deleteNode(name: string, signal?: AbortSignal): Promise<void> {
    await this.#send(`Delete node "${name}"`, "DELETE", `/api/v1/nodes/${segment(name)}`, {}, signal);
  }

  /** Pods of all namespaces that are bound to a node. */
  async listPodsOnNode(node: string, signal?: AbortSignal): Promise<readonly KubePod[]> {
    type PodList = { readonly items?: readonly KubePod[] };
    const query = new URLSearchParams({ fieldSelector: `spec.nodeName=${segment(node)}` });
    const operation = `List pods on node "${node}"`;
    const list = await this.#json<PodList>(operation, "GET", `/api/v1/pods?${query.toString()}`, "PodList", {}, signal);
    return list.items ?? [];
  }

  /**
   * Asks for a pod to end as its PodDisruptionBudgets allow (policy/v1 Eviction). While they do not, the answer is
   * `overloaded`; `conflict` if another pod has the name by now, which the API server may say only after more than ten
   * seconds of its own attempts.
   */
  async evictPod({ namespace, name, uid }: PodReference, signal?: AbortSignal): Promise<void> {
    const path = `/api/v1/namespaces/${segment(namespace)}/pods/${segment(name)}/eviction`;
    const eviction = {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { namespace, name },
      deleteOptions: { preconditions: { uid } },
    };
    const content = { body: JSON.stringify(eviction), contentType: "application/json" };
    await this.#send(`Evict pod "${namespace}/${name}"`, "POST", path, content, signal);
  }

  async getEndpointSlice(namespace: string, name: string, signal?: AbortSignal): Promise<EndpointSlice> {
    const path = `/apis/discovery.k8s.io/v1/namespaces/${segment(namespace)}/endpointslices/${segment(name)}`;
    return this.#json(`Get EndpointSlice "${namespace}/${name}"`, "GET", path, "EndpointSlice", {}, signal);
  }

  async getSecret(namespace: string, name: string, signal?: AbortSignal): Promise<Secret> {
    const path = `/api/v1/namespaces/${segment(namespace)}/secrets/${segment(name)}`;
    return this.#json(`Get Secret "${namespace}/${name}"`, "GET", path, "Secret", {}, signal);
  }

  /** Applies a merge patch. With `metadata.resourceVersion` in it, a change by another meanwhile gives `conflict`. */
  async patchSecret(namespace: string, name: string, patch: SecretPatch, signal?: AbortSignal): Promise<Secret> {
    const path = `/api/v1/namespaces/${segment(namespace)}/secrets/${segment(name)}`;
    const content = { body: JSON.stringify(patch), contentType: MERGE_PATCH };
    return this.#json(`Patch Secret "${namespace}/${name}"`, "PATCH", path, "Secret", content, signal);
  }

  /**
   * A page of the Secrets or ConfigMaps of all namespaces, without their contents.
   * @param limit most objects of the page
   * @param next `next` of the page before; `rejected` with status 410 if that is too long ago
   */
  async listMetadata(
    resource: "secrets" | "configmaps",
    limit: number,
    next: string | undefined,
    signal?: AbortSignal,
  ): Promise<MetadataPage> {
    type List = { readonly items?: MetadataPage["items"]; readonly metadata?: { readonly continue?: string } };
    const query = new URLSearchParams({ limit: String(limit), ...(next === undefined ? {} : { continue: next }) });
    const path = `/api/v1/${resource}?${query.toString()}`;
    const kind = "PartialObjectMetadataList";
    const list = await this.#json<List>(`List ${resource}`, "GET", path, kind, { accept: METADATA_ONLY }, signal);
    const following = list.metadata?.continue ?? "";
    return { items: list.items ?? [], ...(following === "" ? {} : { next: following }) };
  }

  async listPersistentVolumes(signal?: AbortSignal): Promise<readonly PersistentVolume[]> {
    type List = { readonly items?: readonly PersistentVolume[] };
    const path = "/api/v1/persistentvolumes";
    const list = await this.#json<List>("List volumes", "GET", path, "PersistentVolumeList", {}, signal);
    return list.items ?? [];
  }

  /** Asks whose a token is (authentication.k8s.io/v1), and for which of the audiences. */
  async reviewToken(token: string, audiences: readonly string[], signal?: AbortSignal): Promise<TokenReviewStatus> {
    const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token, audiences } };
    const content = { body: JSON.stringify(review), contentType: "application/json" };
    const path = "/apis/authentication.k8s.io/v1/tokenreviews";
    type Answer = { readonly status?: TokenReviewStatus };
    return (await this.#json<Answer>("Review token", "POST", path, "TokenReview", content, signal)).status ?? {};
  }

  /** Returns when the API server says it is ready (`/readyz`). */
  async requireReady(signal?: AbortSignal): Promise<void> {
    await this.#send("Check API server", "GET", "/readyz", {}, signal);
  }

  /** Objects of a kind that has no methods of its own here. */
  resources<T extends KubeObject>(type: ResourceType<T>): KubeResources<T> {
    return new KubeResources(type, {
      json: (operation, method, path, kind, content, signal) =>
        this.#json(operation, method, path, kind, content, signal),
      lines: (operation, path, timeoutMs, signal) => this.#lines(operation, path, timeoutMs, signal),
    });
  }

  async *#lines(operation: string, path: string, timeoutMs: number, signal: AbortSignal): AsyncGenerator<string> {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const request = { operation, method: "GET" as const, url: new URL(path, this.#server) };
    yield* sendForLines(request, await this.#credentials(bounded), this.#limits.maxResponseBytes, bounded);
  }

  async #json<T>(
    operation: string,
    method: KubeRequest["method"],
    path: string,
    kind: string | undefined,
    content: Pick<KubeRequest, "accept" | "body" | "contentType">,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return parseObject(operation, kind, await this.#send(operation, method, path, content, signal)) as T;
  }

  async #send(
    operation: string,
    method: KubeRequest["method"],
    path: string,
    content: Pick<KubeRequest, "accept" | "body" | "contentType">,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const timeout = AbortSignal.timeout(this.#limits.requestTimeoutMs);
    const bounded = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    if (bounded.aborted) throw abortError(operation, bounded);
    const credentials = await this.#credentials(bounded);
    const request = { operation, method, url: new URL(path, this.#server), ...content };
    const { status, body } = await send(request, credentials, this.#limits.maxResponseBytes, bounded);
    if (status < 200 || status > 299) throw statusError(operation, status, body);
    return body;
  }
}

/** @param kind undefined where the server may answer by the object or by a Status, as it does to DELETE */
function parseObject(operation: string, kind: string | undefined, body: string): unknown {
  const value = parseJson(body);
  const got = (value as { kind?: unknown } | null)?.kind;
  if (kind === undefined || got === kind) return value;
  const shown = typeof got === "string" ? JSON.stringify(got.slice(0, 80)) : "no object";
  throw new KubeError("response_invalid", `${operation} failed: got ${shown}, wanted "${kind}"`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
