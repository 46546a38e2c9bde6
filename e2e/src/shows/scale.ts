import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { localStatus } from "@constellation/infrastructure-local";
import { type List, type Node, type Pod, describePod, isPodReady } from "../harness/cluster-objects.ts";
import { type SharedCluster, show } from "../harness/show.ts";
import { minutes, waitUntil } from "../harness/wait.ts";
import { NAMESPACE, namespace, webDeployment } from "../harness/workload.ts";

const STAYS = "control-plane-0";
const GOES = "worker-0";
const PODS_MS = minutes(15);

/** A worker that the configuration no longer has: its pods move, then machine, record and Node object are gone. */
export function showScaleDown(shared: SharedCluster): void {
  const title = "a worker that is taken out of the configuration hands over its pods and is gone";
  const work: Parameters<typeof show>[2] = async (cluster) => {
    const kubectl = await cluster.kubectl();
    const webPodsOn = (nodes: readonly string[]): Promise<true> =>
      waitUntil({ what: `web servers on ${nodes.join(" and ")}`, timeoutMs: PODS_MS }, async (note) => {
        const selector = ["--namespace", NAMESPACE, "get", "pods", "--selector=app=web"];
        const { items } = await kubectl.json<List<Pod>>(selector);
        note(items.map(describePod).join("; "));
        const found = items.filter(isPodReady).map(({ spec }) => spec.nodeName ?? "");
        return items.length === nodes.length && found.toSorted().join() === nodes.join() ? true : undefined;
      });
    await kubectl.apply(namespace());
    await kubectl.apply(webDeployment());
    await webPodsOn([STAYS, GOES]);

    const { ekDigest } = await cluster.record(GOES);
    const isRecorded = async (): Promise<boolean> =>
      (await kubectl.run(["--namespace=kube-system", "get", "configmaps", "--output=json"])).includes(ekDigest);
    assert.equal(await isRecorded(), true);
    await cluster.configure(["nodeGroups", "worker_default", "initialCount"], 0);
    const { stderr } = await cluster.mustCli("apply", "--yes");
    assert.match(stderr, /Move pods away from worker-0/);
    assert.doesNotMatch(stderr, /Warning: (?!this is a debug cluster)/, "every pod went");
    const { items } = await kubectl.json<List<Node>>(["get", "nodes"]);
    assert.deepEqual(
      items.map(({ metadata }) => metadata.name),
      [STAYS],
    );
    assert.deepEqual(
      (await localStatus(cluster.workspace))?.nodes.map(({ name }) => name),
      [STAYS],
    );
    assert.equal(existsSync(join(cluster.workspace, "constellation-local/nodes", GOES)), false, "its disk is gone");
    assert.equal(await isRecorded(), false, "its TPM counts for nothing any more");
    await webPodsOn([STAYS, STAYS]);
    assert.equal((await cluster.cli("status")).exitCode, 0);
  };
  // A kept cluster keeps its worker.
  show(title, shared, work, { ends: true });
}
