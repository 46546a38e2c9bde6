/**
 * The node agent killed with SIGKILL at each step of init and of join, in one cluster of debug images. The operator's
 * `apply` goes on through all of it; in the end the cluster is what it would have been.
 */
import assert from "node:assert/strict";
import { after, before, suite } from "node:test";
import type { FaultPoint } from "@constellation/node/src/fault.ts";
import { cli } from "./harness/cli.ts";
import type { List, Node } from "./harness/cluster-objects.ts";
import { DebugShell } from "./harness/debug-shell.ts";
import { MiniCluster } from "./harness/mini-cluster.ts";
import type { ProgramResult } from "./harness/run-program.ts";
import { killAgentAt } from "./harness/kill-agent.ts";
import { show } from "./harness/show.ts";
import { minutes } from "./harness/wait.ts";
import { showEnd } from "./shows/end.ts";

/** Before the commit: the node is wiped and comes back as a fresh one. */
const INIT_RESETS: readonly FaultPoint[] = [
  "disk.after-format",
  "init.after-lock",
  "init.after-rekey",
  "init.after-pcr",
  "init.after-state",
  "init.after-certificates",
  "init.after-control-plane",
  "init.after-secrets",
];
/** From the commit on: the agent is started again and goes on. */
const INIT_CONTINUES: readonly FaultPoint[] = ["init.after-commit", "init.after-manifests"];
const JOIN_RESETS: readonly FaultPoint[] = [
  "join.after-ticket",
  "join.after-rekey",
  "join.after-pcr",
  "join.after-files",
];
const JOIN_CONTINUES: readonly FaultPoint[] = ["join.after-commit", "join.after-kubelet"];

const APPLY_TIMEOUT_MS = minutes(60);

void suite("killed agent", { timeout: minutes(120) }, () => {
  let cluster: MiniCluster | undefined;
  let applied: Promise<ProgramResult> | undefined;
  const stop = new AbortController();
  const boots = new Map<string, string>();
  const shared = (): MiniCluster => {
    if (cluster === undefined) throw new Error("there is no cluster: its creation failed");
    return cluster;
  };
  before(async () => {
    // The worker comes when its turn does: it would join before anything was in its way.
    cluster = await MiniCluster.prepare({ debug: true, workers: 0 });
    // Waits for the control plane through all its deaths.
    const args = ["apply", "--yes", "--skip-node-wait", "--workspace", cluster.workspace];
    applied = cli(args, APPLY_TIMEOUT_MS, stop.signal);
    applied.catch(() => undefined);
  });
  after(async () => {
    stop.abort();
    await applied?.catch(() => undefined);
    await cluster?.remove();
  });

  const showKilled = (node: string, points: readonly FaultPoint[], end: "reset" | "continue"): void => {
    const outcome = end === "reset" ? "is wiped and starts anew" : "goes on";
    show(`${node}, killed at ${points.join(" and ")}, ${outcome}`, shared, async (own) => {
      boots.set(node, await killAgentAt(own, node, points, { end, boot: boots.get(node) }));
    });
  };

  for (const point of INIT_RESETS) showKilled("control-plane-0", [point], "reset");
  showKilled("control-plane-0", INIT_CONTINUES, "continue");

  show("apply, which waited all the time, ends well", shared, async (own) => {
    const result = await applied;
    assert.equal(result?.exitCode, 0, result?.stderr);
    assert.notEqual((await own.state()).clusterValues.clusterID, "");
    const shell = new DebugShell(own.workspace, "control-plane-0");
    assert.equal(await shell.bootAfter(undefined), boots.get("control-plane-0"), "no reboot after the commit");
  });

  show("a worker is added", shared, async (own) => {
    await own.configure(["nodeGroups", "worker_default", "initialCount"], 1);
    await own.mustCli("apply", "--yes", "--skip-node-wait");
  });
  for (const point of JOIN_RESETS) showKilled("worker-0", [point], "reset");
  showKilled("worker-0", JOIN_CONTINUES, "continue");

  show("both nodes are Ready, under their recorded names", shared, async (own) => {
    const { exitCode, stdout } = await own.up();
    assert.equal(exitCode, 0);
    assert.match(stdout, /Node worker-0\s+Ready/);
    const { items } = await (await own.kubectl()).json<List<Node>>(["get", "nodes"]);
    assert.deepEqual(items.map(({ metadata }) => metadata.name).toSorted(), ["control-plane-0", "worker-0"]);
    const verified = await own.cli("verify");
    assert.equal(verified.exitCode, 0, verified.stdout);
  });
  showEnd(shared);
});
