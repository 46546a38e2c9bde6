import { KubeClient, KubeError, type KubeNode } from "@constellation/kube";
import type { KubernetesNode, KubernetesPort } from "../ports/cluster.ts";

const REQUEST_TIMEOUT_MS = 30_000;

/** Kubernetes behind a kubeconfig. */
export function kubernetesClient(kubeconfig: string): KubernetesPort {
  const client = KubeClient.fromKubeconfig(kubeconfig, { requestTimeoutMs: REQUEST_TIMEOUT_MS });
  return {
    nodes: async (signal) => (await client.listNodes(signal)).map(describeNode),
    async readConfigMap(namespace, name, signal) {
      try {
        return (await client.getConfigMap(namespace, name, signal)).data ?? {};
      } catch (error) {
        if (error instanceof KubeError && error.code === "not_found") return undefined;
        throw error;
      }
    },
    async updateConfigMap(namespace, name, data, signal) {
      await client.patchConfigMap(namespace, name, { data }, signal);
    },
  };
}

function describeNode(node: KubeNode): KubernetesNode {
  const ready = node.status?.conditions?.find((condition) => condition.type === "Ready");
  const reason = ready === undefined ? "no status yet" : (ready.message ?? ready.reason ?? "");
  return {
    name: node.metadata.name,
    ready: ready?.status === "True",
    reason: ready?.status === "True" ? "" : reason,
    version: node.status?.nodeInfo?.kubeletVersion ?? "",
    address: node.status?.addresses?.find(({ type }) => type === "InternalIP")?.address ?? "",
  };
}
