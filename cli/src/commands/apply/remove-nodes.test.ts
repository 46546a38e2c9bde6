import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { parseState, type State, STATE_FILE } from "@constellation/config";
import { KubeError } from "@constellation/kube";
import type { KubernetesPod } from "../../ports/cluster.ts";
import { Harness, type Outcome } from "../../testing/harness.ts";

const NAMES = ["control-plane-0", "worker-0", "worker-1"];

const pod = (name: string): KubernetesPod => ({ namespace: "default", name, uid: name, ending: false });
const UNREACHABLE = new KubeError("unreachable", 'List nodes failed: got "ECONNREFUSED"');
const DISRUPTION = new KubeError(
  "overloaded",
  'Evict pod "default/web" failed: got status "429 TooManyRequests": it would violate the pod\'s disruption budget',
  { status: 429 },
);

/** A cluster of one control plane and two workers, with a pod on each worker, and what is done to it from now on. */
async function cluster(t: TestContext): Promise<{ harness: Harness; done: string[] }> {
  const harness = await Harness.create(t);
  await harness.run("config", "generate", "qemu");
  await harness.edit("constellation-conf.yaml", (text) => text.replace("initialCount: 3", "initialCount: 1"));
  await workers(harness, 2);
  const up = await harness.run("apply", "-y");
  assert.equal(up.code, 0, up.err);
  harness.kubernetes.pods.set("worker-0", [pod("stays")]).set("worker-1", [pod("web")]);
  return { harness, done: record(harness) };
}

async function workers(harness: Harness, count: number): Promise<void> {
  await harness.edit("constellation-conf.yaml", (text) =>
    text.replace(/(role: worker[\s\S]*?initialCount: )\d/, `$1${count}`),
  );
}

/** Writes down what is done to Kubernetes and machines, in its order. */
function record({ kubernetes, infrastructure }: Harness): string[] {
  const done: string[] = [];
  kubernetes.onChange = (change) => void done.push(change);
  const machines = new Set(infrastructure.machines);
  infrastructure.afterEnsure = () => {
    for (const name of machines) {
      if (!infrastructure.machines.includes(name) && machines.delete(name)) done.push(`end ${name}`);
    }
  };
  return done;
}

async function stateOf(harness: Harness): Promise<State> {
  return parseState(await harness.read(STATE_FILE));
}

/** The end of every removal of worker-1. */
async function assertRemoved(harness: Harness, { code, err }: Outcome): Promise<void> {
  assert.equal(code, 0, err);
  assert.deepEqual(harness.infrastructure.machines, ["control-plane-0", "worker-0"]);
  assert.deepEqual(
    harness.kubernetes.list.map(({ name }) => name),
    ["control-plane-0", "worker-0"],
  );
  assert.deepEqual([...harness.kubernetes.cordoned], []);
  const { qemu } = (await stateOf(harness)).infrastructure;
  assert.deepEqual([qemu?.nodes.length, qemu?.removing], [2, undefined]);
  assert.doesNotMatch(harness.kubernetes.configMap?.["nodes.json"] ?? "", /worker-1/);
}

/** Lets the next change of this name fail, as often as there are errors. */
function failAt({ kubernetes }: Harness, change: string, ...errors: Error[]): void {
  const before = kubernetes.onChange;
  kubernetes.onChange = (made) => {
    const error = made === change ? errors.shift() : undefined;
    if (error !== undefined) throw error;
    before(made);
  };
}

test("apply removes a worker: moves its pods, ends its machine, deletes its Node object, then its record", async (t) => {
  const { harness, done } = await cluster(t);
  await workers(harness, 1);
  harness.answers = ["y"];
  const outcome = await harness.run("apply");
  assert.match(outcome.err, /Remove 1 worker node: from 2 to 1; its pods are moved to other nodes first/);
  assert.match(outcome.err, /Move pods away from worker-1 \.\.\. /);
  assert.match(outcome.err, /Remove worker-1 from Kubernetes \.\.\. /);
  assert.doesNotMatch(outcome.err, /Warning/);
  assert.deepEqual(done, ["cordon worker-1", "evict web", "end worker-1", "delete worker-1", "update records"]);
  await assertRemoved(harness, outcome);
});

test("apply removes several workers: none of their pods moves to another of them", async (t) => {
  const { harness, done } = await cluster(t);
  await workers(harness, 0);
  const { code, err } = await harness.run("apply", "-y");
  assert.equal(code, 0, err);
  assert.deepEqual(done.slice(0, 4), ["cordon worker-0", "cordon worker-1", "evict stays", "evict web"]);
  assert.deepEqual(done.slice(4).toSorted(), [
    "delete worker-0",
    "delete worker-1",
    "end worker-0",
    "end worker-1",
    "update records",
  ]);
});

test("apply waits while a PodDisruptionBudget or an API server says not now", async (t) => {
  const { harness } = await cluster(t);
  await workers(harness, 1);
  failAt(harness, "evict web", DISRUPTION, UNREACHABLE, DISRUPTION);
  const outcome = await harness.run("apply", "-y");
  assert.doesNotMatch(outcome.err, /Warning/);
  assert.ok(harness.clock.monotonicMs() >= 15_000);
  await assertRemoved(harness, outcome);
});

test("apply names pods that do not go within the bound, and goes on", async (t) => {
  const { harness } = await cluster(t);
  harness.kubernetes.pods.set("worker-1", [pod("web"), { ...pod("slow"), ending: true }]);
  await workers(harness, 1);
  failAt(harness, "evict web", ...Array.from({ length: 1_000 }, () => DISRUPTION));
  const beginMs = harness.clock.monotonicMs();
  const outcome = await harness.run("apply", "-y");
  assert.match(
    outcome.err,
    /Warning: 2 pods have not gone within 15 minutes: .*disruption budget; pod "default\/slow" is still ending\n/,
  );
  const waitedMs = harness.clock.monotonicMs() - beginMs;
  assert.ok(waitedMs > 14 * 60_000 && waitedMs <= 15 * 60_000, `${waitedMs}`);
  await assertRemoved(harness, outcome);
});

test("apply does not wait for the pods of a worker that is not Ready, dead as it may be", async (t) => {
  const { harness, done } = await cluster(t);
  harness.infrastructure.crash("worker-1");
  harness.kubernetes.list = harness.kubernetes.list.map((node) =>
    node.name === "worker-1" ? { ...node, ready: false } : node,
  );
  let calls = 0;
  harness.kubernetes.onCall = () => {
    if (calls++ === 0) throw UNREACHABLE;
  };
  await workers(harness, 1);
  const outcome = await harness.run("apply", "-y");
  assert.match(outcome.err, /Warning: worker-1 is not Ready, so its pods can't end politely/);
  assert.deepEqual(done, ["cordon worker-1", "end worker-1", "delete worker-1", "update records"]);
  await assertRemoved(harness, outcome);
});

test("apply removes a worker that has never joined without a word on its pods", async (t) => {
  const { harness, done } = await cluster(t);
  harness.kubernetes.list = harness.kubernetes.list.filter(({ name }) => name !== "worker-1");
  await workers(harness, 1);
  const outcome = await harness.run("apply", "-y");
  assert.doesNotMatch(outcome.err, /Warning/);
  assert.equal(done.includes("evict web"), false);
  await assertRemoved(harness, outcome);
});

test("apply deletes no Node object but those of workers that it removed", async (t) => {
  const { harness } = await cluster(t);
  const stranger = { name: "worker-7", ready: false, reason: "gone", version: "", address: "" };
  harness.kubernetes.list = [...harness.kubernetes.list, stranger];
  await workers(harness, 1);
  assert.equal((await harness.run("apply", "-y")).code, 0);
  assert.equal((await harness.run("apply", "-y")).code, 0);
  assert.deepEqual(harness.kubernetes.deleted, ["worker-1"]);
});

const KILLED = new Error("killed");
const CUTS: readonly [string, (harness: Harness) => void][] = [
  ["when its pods are moved", (harness) => failAt(harness, "evict web", KILLED)],
  ["before its machine is ended", ({ infrastructure }) => failAtCall(infrastructure, "onEnsure", 2)],
  ["after its machine was ended", ({ infrastructure }) => failAtCall(infrastructure, "afterEnsure", 2)],
  ["before its Node object is deleted", (harness) => failAt(harness, "delete worker-1", KILLED)],
  ["before its record is deleted", (harness) => failAt(harness, "update records", KILLED)],
];

function failAtCall(target: Harness["infrastructure"], key: "onEnsure" | "afterEnsure", wanted: number): void {
  const hook = target[key] as () => void;
  let calls = 0;
  target[key] = () => {
    hook();
    if (++calls === wanted) throw KILLED;
  };
}

for (const [when, cut] of CUTS) {
  test(`apply that is cut off ${when} is finished by the next`, async (t) => {
    const { harness } = await cluster(t);
    await workers(harness, 1);
    cut(harness);
    assert.match((await harness.run("apply", "-y")).err, /killed/);
    await assertRemoved(harness, await harness.run("apply", "-y"));
    const calls = harness.infrastructure.specs.length;
    await assertRemoved(harness, await harness.run("apply"));
    assert.equal(harness.infrastructure.specs.length, calls + 1, "nothing is left to do");
  });

  test(`apply that is cut off ${when} takes the worker back if it is wanted again`, async (t) => {
    const { harness, done } = await cluster(t);
    const before = (await stateOf(harness)).infrastructure.qemu?.nodes.find(({ name }) => name === "worker-1");
    await workers(harness, 1);
    cut(harness);
    assert.match((await harness.run("apply", "-y")).err, /killed/);
    await workers(harness, 2);
    done.length = 0;
    const { code, err } = await harness.run("apply", "-y", "--skip-node-wait");
    assert.equal(code, 0, err);
    const { qemu } = (await stateOf(harness)).infrastructure;
    const after = qemu?.nodes.find(({ name }) => name === "worker-1");
    assert.deepEqual([harness.infrastructure.machines.toSorted(), qemu?.removing], [NAMES, undefined]);
    assert.match(harness.kubernetes.configMap?.["nodes.json"] ?? "", new RegExp(`${after?.ekDigest}`));
    assert.deepEqual([...harness.kubernetes.cordoned], []);
    if (after?.ekDigest === before?.ekDigest) {
      assert.deepEqual(done, ["uncordon worker-1"]);
    } else {
      // The old machine's Node object goes before the new machine's record lets it join under the same name.
      assert.equal(
        harness.kubernetes.list.some(({ name }) => name === "worker-1"),
        false,
      );
      assert.ok(done.indexOf("delete worker-1") < done.indexOf("update records"), done.join());
    }
  });
}

test("apply that leaves the machines alone finishes what is known to be ended, and nothing else", async (t) => {
  const { harness, done } = await cluster(t);
  await workers(harness, 1);
  failAt(harness, "evict web", KILLED);
  await harness.run("apply", "-y");
  done.length = 0;
  assert.equal((await harness.run("apply", "-y", "--skip-phases", "infrastructure")).code, 0);
  assert.deepEqual(done, []);
  assert.deepEqual(harness.infrastructure.machines.toSorted(), NAMES);
  failAt(harness, "delete worker-1", KILLED);
  await harness.run("apply", "-y");
  await assertRemoved(harness, await harness.run("apply", "-y", "--skip-phases", "infrastructure"));
});

test("apply moves no pods before there is a cluster", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("config", "generate", "qemu");
  await workers(harness, 2);
  assert.equal((await harness.run("apply", "-y", "--skip-phases", "init,attestationconfig")).code, 0);
  await workers(harness, 1);
  const { code, err } = await harness.run("apply", "-y");
  assert.equal(code, 0, err);
  assert.match(err, /Remove 1 worker node: from 2 to 1\n/);
  assert.deepEqual([harness.kubernetes.deleted, harness.infrastructure.machines.length], [[], 4]);
});

for (const [what, joined] of [
  ["ends no control plane that belongs to the cluster, though the state does not know it", true],
  ["ends a control plane that was made by a run which was cut off, and has never joined", false],
] as const) {
  test(`apply ${what}`, async (t) => {
    const { harness } = await cluster(t);
    const [conf, state] = [await harness.read("constellation-conf.yaml"), await harness.read(STATE_FILE)];
    await harness.edit("constellation-conf.yaml", (text) =>
      text.replace(/(role: control-plane[\s\S]*?initialCount: )1/, "$13"),
    );
    await harness.run("apply", "-y", "--skip-phases", "attestationconfig", "--skip-node-wait");
    assert.equal(harness.infrastructure.machines.length, 5);
    if (joined) harness.kubernetes.setNodes([...NAMES, "control-plane-1", "control-plane-2"], true);
    await harness.write("constellation-conf.yaml", conf);
    await harness.write(STATE_FILE, state);
    for (let run = 0; run < 2; run++) {
      const { code, err } = await harness.run("apply", "-y");
      assert.equal(code, joined ? 1 : 0, err);
      if (joined) {
        assert.match(err, /Remove machines failed: control plane "control-plane-1", "control-plane-2" belongs to the/);
        assert.match(err, /Hint: control planes can be added but not removed/);
      }
      assert.equal(harness.infrastructure.machines.length, joined ? 5 : 3);
      assert.deepEqual(harness.kubernetes.deleted, []);
    }
  });
}

test("apply ends a dead control plane that is not wanted any more and has never joined", async (t) => {
  const { harness } = await cluster(t);
  const [conf, state] = [await harness.read("constellation-conf.yaml"), await harness.read(STATE_FILE)];
  await harness.edit("constellation-conf.yaml", (text) =>
    text.replace(/(role: control-plane[\s\S]*?initialCount: )1/, "$13"),
  );
  await harness.run("apply", "-y", "--skip-phases", "attestationconfig", "--skip-node-wait");
  await harness.write("constellation-conf.yaml", conf);
  await harness.write(STATE_FILE, state);
  harness.infrastructure.crash("control-plane-2");
  let calls = 0;
  harness.kubernetes.onCall = () => {
    if (calls++ === 0) throw UNREACHABLE;
  };
  const { code, err } = await harness.run("apply", "-y");
  assert.equal(code, 0, err);
  assert.deepEqual(harness.infrastructure.machines.toSorted(), NAMES);
});

test("apply drops no record of a control plane whose removal was refused, with and without the machines", async (t) => {
  const { harness } = await cluster(t);
  const [conf, state] = [await harness.read("constellation-conf.yaml"), await harness.read(STATE_FILE)];
  await harness.edit("constellation-conf.yaml", (text) =>
    text.replace(/(role: control-plane[\s\S]*?initialCount: )1/, "$13"),
  );
  harness.kubernetes.setNodes([...NAMES, "control-plane-1", "control-plane-2"], true);
  const three = await harness.read("constellation-conf.yaml");
  assert.equal((await harness.run("apply", "-y")).code, 0);
  const records = harness.kubernetes.configMap?.["nodes.json"] ?? "";
  assert.match(records, /control-plane-2/);
  await harness.write("constellation-conf.yaml", conf);
  await harness.write(STATE_FILE, state);
  assert.match((await harness.run("apply", "-y")).err, /Remove machines failed/);
  const { code, err } = await harness.run("apply", "-y", "--skip-phases", "infrastructure");
  assert.equal(code, 1, err);
  assert.match(err, /Update node records failed: control plane "control-plane-1", "control-plane-2" belongs to the/);
  assert.match(err, /Hint: control planes can be added but not removed/);
  assert.equal(harness.kubernetes.configMap?.["nodes.json"], records);
  await harness.write("constellation-conf.yaml", three);
  const again = await harness.run("apply", "-y");
  assert.equal(again.code, 0, again.err);
  assert.equal(harness.kubernetes.configMap?.["nodes.json"], records);
});

test("status names a worker whose Node object is still to be deleted", async (t) => {
  const { harness } = await cluster(t);
  await workers(harness, 1);
  failAt(harness, "delete worker-1", KILLED);
  await harness.run("apply", "-y");
  assert.match((await harness.run("status")).out, /worker-1 +being removed +Ready/);
});
