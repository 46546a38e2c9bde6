import type { CredentialSource } from "./credentials.ts";
import { KubeError } from "./errors.ts";
import type {
  ConfigMap,
  ConfigMapPatch,
  DaemonSet,
  Deployment,
  EndpointSlice,
  KubeNode,
  KubeNodePatch,
  KubePod,
  PodReference,
} from "./objects.ts";
import { statusError } from "./status.ts";
import { abortError, type KubeRequest, send } from "./transport.ts";

/** Bounds of each call. */
export interface KubeLimits {
  readonly requestTimeoutMs: number;
  readonly maxResponseBytes: number;
}

const DEFAULT_LIMITS: KubeLimits = { requestTimeoutMs: 10_000, maxResponseBytes: 8 * 1024 * 1024 };
const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

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
    const content = { body: JSON.stringify(patch), contentType: "application/merge-patch+json" };
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
    const content = { body: JSON.stringify(patch), contentType: "application/merge-patch+json" };
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

  /** Returns when the API server says it is ready (`/readyz`). */
  async requireReady(signal?: AbortSignal): Promise<void> {
    await this.#send("Check API server", "GET", "/readyz", {}, signal);
  }

  async #json<T>(
    operation: string,
    method: KubeRequest["method"],
    path: string,
    kind: string,
    content: Pick<KubeRequest, "body" | "contentType">,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return parseObject(operation, kind, await this.#send(operation, method, path, content, signal)) as T;
  }

  async #send(
    operation: string,
    method: KubeRequest["method"],
    path: string,
    content: Pick<KubeRequest, "body" | "contentType">,
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

function parseObject(operation: string, kind: string, body: string): unknown {
  const value = parseJson(body);
  const got = (value as { kind?: unknown } | null)?.kind;
  if (got === kind) return value;
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

// Object names are put into the path only when they can't change what the path means.
function segment(name: string): string {
  if (NAME.test(name) && !name.includes("..")) return name;
  throw new KubeError("invalid_name", `Call API server failed: got name ${JSON.stringify(name)}, wanted a DNS name`);
}
