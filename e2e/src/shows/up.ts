import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before } from "node:test";
import { CONFIG_FILE, MASTER_SECRET_FILE } from "@constellation/config";
import { type List, type Node, isReady } from "../harness/cluster-objects.ts";
import { diagnose } from "../harness/diagnosis.ts";
import { HarnessError } from "../harness/error.ts";
import { CREATION_MS, isTooLate, LAST_START } from "../harness/last-start.ts";
import { ADMIN_CONF_FILE, MiniCluster, type MiniClusterOptions } from "../harness/mini-cluster.ts";
import { ProcessorLoad } from "../harness/processor-load.ts";
import { say } from "../harness/say.ts";
import { type SharedCluster, show } from "../harness/show.ts";

const NODES = ["control-plane-0", "worker-0"] as const;
const VERSION = "v1.36.4";
const LINES_OF_ERROR = 8;

/** `mini up` in an empty workspace. What it said is kept for the first test. */
async function createCluster(cluster: MiniCluster): Promise<void> {
  const load = new ProcessorLoad();
  const result = await cluster.up();
  const busy = load.describe();
  say(`${result.stdout}${busy}`);
  if (result.exitCode === 0) return;
  await diagnose(cluster);
  const why = [...lastLines(result.stderr), ...lastLines(await cluster.console(NODES[0]).catch(String))].join("\n  ");
  throw new HarnessError("cluster", `Create cluster failed: exit ${result.exitCode}, wanted 0; ${busy}\n  ${why}`);
}

/** The end of what was said, for a reader who has the error alone. */
function lastLines(text: string): string[] {
  const lines = text
    .replaceAll(/[^\x20-\x7e\n]/g, "")
    .trimEnd()
    .split("\n");
  return lines.slice(-LINES_OF_ERROR);
}

/**
 * Makes a cluster for all tests of a suite, unless it would be ready after the last start, and ends it after them.
 * @param configure changes the configuration before there are machines
 */
export function shareCluster(
  options?: MiniClusterOptions,
  configure?: (cluster: MiniCluster) => Promise<void>,
): SharedCluster {
  let cluster: MiniCluster | undefined;
  let tooLate = false;
  before(async () => {
    tooLate = isTooLate(process.env[LAST_START], Date.now() + CREATION_MS);
    if (tooLate) return;
    const prepared = await MiniCluster.prepare(options);
    try {
      await configure?.(prepared);
      await createCluster(prepared);
      cluster = prepared;
    } catch (error) {
      await prepared.remove();
      throw error;
    }
  });
  after(async () => {
    await cluster?.remove();
  });
  return () => {
    if (cluster === undefined && !tooLate) throw new Error("there is no cluster: its creation failed");
    return cluster;
  };
}

/** Show 1 and the first half of 2: the cluster is up, and a second `mini up` only says so. */
export function showUp(shared: SharedCluster): void {
  show("mini up says that the cluster is up, with the line that points kubectl at it", shared, async (cluster) => {
    const { exitCode, stdout, stderr } = await cluster.up();
    assert.equal(exitCode, 0);
    assert.match(stdout, /^Your Constellation cluster is up\.$/m);
    assert.ok(stdout.includes(`export KUBECONFIG="${join(cluster.workspace, ADMIN_CONF_FILE)}"`));
    for (const name of NODES) assert.match(stdout, new RegExp(`Node ${name}\\s+Ready, ${VERSION}`));
    assert.doesNotMatch(stderr, /Prepare machines|Start |initialise/i, "a cluster that is up is left alone");
  });

  show("kubectl get nodes shows both nodes Ready with the image's Kubernetes", shared, async (cluster) => {
    const kubectl = await cluster.kubectl();
    say(await kubectl.run(["get", "nodes", "--output=wide"]));
    const { items } = await kubectl.json<List<Node>>(["get", "nodes"]);
    assert.deepEqual(items.map(({ metadata }) => metadata.name).toSorted(), NODES);
    for (const node of items) assert.equal(node.status.nodeInfo.kubeletVersion, VERSION);
    assert.ok(items.every(isReady));
  });

  show("the worker got its ticket by the record of its machine", shared, async (cluster) => {
    const lines = await cluster.joinServiceLog();
    const granted = lines.find(({ event, outcome }) => event === "join" && outcome === "granted");
    assert.equal(granted?.["node"], "worker-0");
    assert.equal(granted?.["ekDigest"], (await cluster.record("worker-0")).ekDigest);
  });

  show("status and apply find nothing to do", shared, async (cluster) => {
    const status = await cluster.cli("status", "--output", "json");
    assert.equal(status.exitCode, 0);
    assert.equal((JSON.parse(status.stdout) as { healthy: boolean }).healthy, true);
    const apply = await cluster.mustCli("apply", "--yes");
    assert.doesNotMatch(apply.stderr, /Start control-plane|Start worker|Update attestation policy/);
  });

  show("secrets are in files for their owner alone, and in no output", shared, async (cluster) => {
    for (const name of [MASTER_SECRET_FILE, ADMIN_CONF_FILE]) {
      assert.equal((await stat(join(cluster.workspace, name))).mode & 0o777, 0o600);
    }
    assert.equal((await stat(join(cluster.workspace, CONFIG_FILE))).mode & 0o600, 0o600);
    const { key } = JSON.parse(await readFile(join(cluster.workspace, MASTER_SECRET_FILE), "utf8")) as { key: string };
    const forms = [key, Buffer.from(key, "base64").toString("hex")];
    for (const name of NODES) {
      const text = await cluster.console(name);
      for (const form of forms) assert.ok(!text.includes(form), `the console of ${name} has the master secret`);
    }
  });
}
