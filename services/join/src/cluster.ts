import {
  CLUSTER_STATE_NAME,
  CLUSTER_STATE_NAMESPACE,
  type ClusterState,
  ClusterStateError,
  parseClusterState,
} from "@constellation/cluster-state";
import { type KubeApi, KubeError } from "@constellation/kube/in-cluster";
import { JoinError } from "./errors.ts";

/** What the join service asks the API server, each time anew: what was true a moment ago admits nobody. */
export class Cluster {
  readonly #kube: KubeApi;

  constructor(kube: KubeApi) {
    this.#kube = kube;
  }

  /** The cluster state on record. @throws JoinError `cluster_state_unavailable`, `cluster_state_invalid` */
  async state(signal: AbortSignal): Promise<ClusterState> {
    return this.#asked("Read cluster state", async () => {
      const { data } = await this.#kube.getConfigMap(CLUSTER_STATE_NAMESPACE, CLUSTER_STATE_NAME, signal);
      return parseClusterState(data ?? {});
    });
  }

  /** `host:port` of the API servers that are there. @throws JoinError `cluster_state_unavailable` */
  async apiServerEndpoints(signal: AbortSignal): Promise<string[]> {
    return this.#asked("Read API server endpoints", async () => {
      const { endpoints, ports } = await this.#kube.getEndpointSlice("default", "kubernetes", signal);
      const port = ports?.find(({ name }) => name === "https")?.port;
      const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
      const list = ready.flatMap(({ addresses }) => addresses.map((address) => hostPort(address, port)));
      if (list.length > 0 && port !== undefined) return list;
      throw new JoinError("cluster_state_unavailable", "Read API server endpoints failed: got none, wanted one");
    });
  }

  async #asked<T>(operation: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (cause) {
      if (cause instanceof KubeError) {
        throw new JoinError("cluster_state_unavailable", `${operation} failed: ${cause.code}`, { cause });
      }
      if (cause instanceof ClusterStateError) {
        throw new JoinError("cluster_state_invalid", `${operation} failed: ${cause.message}`, { cause });
      }
      throw cause;
    }
  }
}

function hostPort(address: string, port: number | undefined): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
