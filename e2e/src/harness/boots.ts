import { isReady, type List, type Node } from "./cluster-objects.ts";
import type { MiniCluster } from "./mini-cluster.ts";
import { waitUntil } from "./wait.ts";

/** Boot IDs by node, as Kubernetes knows them. */
export type Boots = ReadonlyMap<string, string>;

/** The boots that nodes are in now. */
export async function bootsOf(cluster: MiniCluster): Promise<Boots> {
  return new Map((await nodesOf(cluster)).map(({ metadata, status }) => [metadata.name, status.nodeInfo.bootID]));
}

/** Waits until these nodes are Ready, each in another boot than before. Nothing is done for it. */
export async function untilReady(
  cluster: MiniCluster,
  names: readonly string[],
  before: Boots,
  timeoutMs: number,
): Promise<void> {
  await waitUntil({ what: `${names.join(" and ")} to be Ready in a new boot`, timeoutMs }, async (note) => {
    const nodes = await nodesOf(cluster);
    const isBack = (node: Node): boolean =>
      isReady(node) && node.status.nodeInfo.bootID !== before.get(node.metadata.name);
    const ready = names.filter((name) => nodes.some((node) => node.metadata.name === name && isBack(node)));
    note(`Ready: ${ready.join(" ")}`);
    return ready.length === names.length ? true : undefined;
  });
}

async function nodesOf(cluster: MiniCluster): Promise<readonly Node[]> {
  const kubectl = await cluster.kubectl();
  return (await kubectl.json<List<Node>>(["get", "nodes"])).items;
}
