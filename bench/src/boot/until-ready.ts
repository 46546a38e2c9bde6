import type { KubeClient } from "@constellation/kube";
import { minutes, waitUntil } from "@constellation/e2e/src/harness/wait.ts";

/** Returns when all these nodes are Ready. */
export async function untilReady(client: KubeClient, names: readonly string[]): Promise<void> {
  await waitUntil({ what: `${names.join(" and ")} to be Ready`, timeoutMs: minutes(40) }, async (note) => {
    const nodes = await client.listNodes(AbortSignal.timeout(30_000));
    const ready = nodes
      .filter(({ status }) => status?.conditions?.some((c) => c.type === "Ready" && c.status === "True"))
      .map(({ metadata }) => metadata.name);
    note(`Ready: ${ready.join(" ")}`);
    return names.every((name) => ready.includes(name)) ? true : undefined;
  });
}

/** Returns when the cluster's DNS answers. */
export async function untilDns(client: KubeClient): Promise<void> {
  await waitUntil({ what: "the cluster's DNS", timeoutMs: minutes(40) }, async () => {
    const { status } = await client.getDeployment("kube-system", "coredns", AbortSignal.timeout(30_000));
    return (status?.availableReplicas ?? 0) > 0 ? true : undefined;
  });
}
