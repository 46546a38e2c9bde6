/**
 * The way from nothing to an attested cluster, without waiting for its network: machines boot, the first control plane
 * is initialised, the worker joins, both prove what they booted, and everything ends. Short enough for every change.
 */
import assert from "node:assert/strict";
import { after, before, suite } from "node:test";
import { cli } from "./harness/cli.ts";
import type { List, Node } from "./harness/cluster-objects.ts";
import { diagnose } from "./harness/diagnosis.ts";
import { HarnessError } from "./harness/error.ts";
import { MiniCluster } from "./harness/mini-cluster.ts";
import { show } from "./harness/show.ts";
import { minutes, waitUntil } from "./harness/wait.ts";
import { showEnd } from "./shows/end.ts";
import { showVerify } from "./shows/verify.ts";

const APPLY_TIMEOUT_MS = minutes(30);
const JOIN_TIMEOUT_MS = minutes(20);

void suite("attested cluster", { timeout: minutes(60) }, () => {
  let cluster: MiniCluster | undefined;
  const shared = (): MiniCluster => {
    if (cluster === undefined) throw new Error("there is no cluster: its creation failed");
    return cluster;
  };
  before(async () => {
    cluster = await MiniCluster.prepare();
    const args = ["apply", "--yes", "--skip-node-wait", "--workspace", cluster.workspace];
    const { exitCode } = await cli(args, APPLY_TIMEOUT_MS);
    if (exitCode === 0) return;
    await diagnose(cluster);
    throw new HarnessError("cluster", `Create cluster failed: exit ${exitCode}, wanted 0`);
  });
  after(async () => {
    await cluster?.remove();
  });

  show("the worker attests, gets its ticket and becomes a node under its recorded name", shared, async (own) => {
    const kubectl = await own.kubectl();
    const nodes = await waitUntil({ what: "both nodes in the cluster", timeoutMs: JOIN_TIMEOUT_MS }, async (note) => {
      const { items } = await kubectl.json<List<Node>>(["get", "nodes"]);
      note(items.map(({ metadata }) => metadata.name).join(" "));
      return items.length === 2 ? items : undefined;
    });
    assert.deepEqual(nodes.map(({ metadata }) => metadata.name).toSorted(), ["control-plane-0", "worker-0"]);
    for (const node of nodes) assert.equal(node.status.nodeInfo.kubeletVersion, "v1.36.4");
    const granted = (await own.joinServiceLog()).find(
      ({ event, outcome }) => event === "join" && outcome === "granted",
    );
    assert.equal(granted?.["node"], "worker-0");
    assert.equal(granted?.["ekDigest"], (await own.record("worker-0")).ekDigest);
  });
  showVerify(shared);
  showEnd(shared);
});
