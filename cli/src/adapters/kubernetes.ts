import { KubeClient, KubeError, type KubeErrorCode, type KubeNode, type KubePod } from "@constellation/kube";
import type { KubernetesNode, KubernetesPod, KubernetesPort } from "../ports/cluster.ts";
import { keyringClient } from "./keyring.ts";

const REQUEST_TIMEOUT_MS = 60_000;

/** Kubernetes behind a kubeconfig. */
export function kubernetesClient(kubeconfig: string): KubernetesPort {
  const client = KubeClient.fromKubeconfig(kubeconfig, { requestTimeoutMs: REQUEST_TIMEOUT_MS });
  return {
    ...keyringClient(client),
    requireReady: (signal) => client.requireReady(signal),
    nodes: async (signal) => (await client.listNodes(signal)).map(describeNode),
    async isAvailable(namespace, deployment, signal) {
      const found = await unless(["not_found"], client.getDeployment(namespace, deployment, signal));
      return found === undefined ? undefined : (found.status?.availableReplicas ?? 0) > 0;
    },
    async podsOf(namespace, daemonSet, signal) {
      const found = await unless(["not_found"], client.getDaemonSet(namespace, daemonSet, signal));
      const { desiredNumberScheduled = 0, numberReady = 0 } = found?.status ?? {};
      return found && { wanted: desiredNumberScheduled, ready: numberReady };
    },
    secretKeys: (namespace, name, signal) => unless(["not_found"], client.getSecretKeys(namespace, name, signal)),
    async readConfigMap(namespace, name, signal) {
      const configMap = await unless(["not_found"], client.getConfigMap(namespace, name, signal));
      return configMap === undefined ? undefined : (configMap.data ?? {});
    },
    async updateConfigMap(namespace, name, data, signal) {
      await client.patchConfigMap(namespace, name, { data }, signal);
    },
    async setSchedulable(node, schedulable, signal) {
      const patch = { spec: { unschedulable: schedulable ? null : (true as const) } };
      return (await unless(["not_found"], client.patchNode(node, patch, signal))) !== undefined;
    },
    movablePods: async (node, signal) => (await client.listPodsOnNode(node, signal)).filter(isMovable).map(describePod),
    async evictPod(pod, signal) {
      // A conflict: another pod has the name by now, so that this one has gone.
      await unless(["not_found", "conflict"], client.evictPod(pod, signal));
    },
    async deleteNode(node, signal) {
      await unless(["not_found"], client.deleteNode(node, signal));
    },
  };
}

/** What a call gives; undefined if it fails with one of the codes. */
async function unless<Result>(codes: readonly KubeErrorCode[], call: Promise<Result>): Promise<Result | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof KubeError && codes.includes(error.code)) return undefined;
    throw error;
  }
}

/** The kubelet's name for pods that it runs from files of its node: the API server holds only their mirror. */
const MIRROR_ANNOTATION = "kubernetes.io/config.mirror";

/** Pods of DaemonSets belong to their node: evicted, they would come back at once. */
function isMovable({ metadata, status }: KubePod): boolean {
  const ofDaemonSet = metadata.ownerReferences?.some(
    (owner) => owner.controller === true && owner.kind === "DaemonSet",
  );
  const hasEnded = status?.phase === "Succeeded" || status?.phase === "Failed";
  return ofDaemonSet !== true && !hasEnded && metadata.annotations?.[MIRROR_ANNOTATION] === undefined;
}

function describePod({ metadata }: KubePod): KubernetesPod {
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    uid: metadata.uid ?? "",
    ending: metadata.deletionTimestamp !== undefined,
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
