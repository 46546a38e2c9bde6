import assert from "node:assert/strict";
import { test } from "node:test";
import { KubeError } from "@constellation/kube";
import { qemuPolicy } from "../../testing/fake-nodes.ts";
import { Harness } from "../../testing/harness.ts";

async function up(t: Parameters<typeof Harness.create>[0]): Promise<Harness> {
  const harness = await Harness.create(t);
  assert.equal((await harness.run("mini", "up")).code, 0);
  return harness;
}

test("recover gives the secret to a recorded control plane that has booted anew", async (t) => {
  const harness = await up(t);
  harness.nodes.waiting = 1;
  const { code, err } = await harness.run("recover");
  assert.equal(code, 0);
  assert.match(err, /Pushed recovery key\.\nRecovered 1 control-plane node\./);
  const [recovery] = harness.nodes.recoveries;
  assert.deepEqual(recovery?.endpoint, { host: "127.9.9.1", port: 9999 });
  assert.deepEqual(qemuPolicy(recovery?.policy).pcrs["15"], { kind: "equal", anyOf: ["0".repeat(64)] });
  assert.deepEqual(qemuPolicy(recovery?.policy).endorsements, { kind: "anyOf", ekDigests: ["a".repeat(64)] });
});

test("recover --output json reports how many were served and why it ended", async (t) => {
  const harness = await up(t);
  harness.nodes.waiting = 1;
  const report = async () => JSON.parse((await harness.run("recover", "-o", "json")).out) as unknown;
  assert.deepEqual(await report(), { recovered: 1, controlPlanes: 1, end: "all-served" });
  assert.deepEqual(await report(), { recovered: 0, controlPlanes: 1, end: "nobody-asked" });
});

test("recover says so when nobody needs it", async (t) => {
  const harness = await up(t);
  const { code, err } = await harness.run("recover");
  assert.equal(code, 0);
  assert.match(err, /No control-plane nodes in need of recovery found\. Exiting\./);
});

/** A cluster of three control planes that all are down. The next one waits at each of `bootsMs`. */
async function threeDown(t: Parameters<typeof Harness.create>[0], bootsMs: number[], majority: number) {
  const harness = await Harness.create(t);
  await harness.run("config", "generate", "qemu");
  const up = await harness.run("apply", "-y");
  assert.equal(up.code, 0, up.err);
  const beginMs = harness.clock.monotonicMs();
  harness.nodes.beforeRecover = () => {
    while ((bootsMs[0] ?? Infinity) <= harness.clock.monotonicMs() - beginMs)
      harness.nodes.waiting += bootsMs.splice(0, 1).length;
  };
  harness.kubernetes.onCall = () => {
    if (harness.nodes.recoveries.length < majority) throw new KubeError("unreachable", "Check API server failed");
  };
  const outcome = await harness.run("recover");
  assert.equal(outcome.code, 0, outcome.err);
  return { harness, err: outcome.err, waitedMs: harness.clock.monotonicMs() - beginMs };
}

test("recover goes on until there is a majority of etcd, as long as each control plane may need to boot", async (t) => {
  const { harness, err, waitedMs } = await threeDown(t, [0, 240_000], 2);
  assert.equal(harness.nodes.recoveries.length, 2);
  assert.match(err, /Recovered 2 control-plane nodes\.\n$/);
  assert.ok(waitedMs < 250_000, `${waitedMs}`);
});

test("recover serves every recorded control plane while the API server is not ready", async (t) => {
  const { harness, err } = await threeDown(t, [0, 100_000, 300_000], 4);
  assert.equal(harness.nodes.recoveries.length, 3);
  assert.match(err, /Recovered 3 control-plane nodes\.\n$/);
});

test("recover stops five minutes after the last control plane that asked, and says that it was not enough", async (t) => {
  const { err, waitedMs } = await threeDown(t, [0], 2);
  assert.match(
    err,
    /Recovered 1 control-plane node\.\nWarning: no other of 3 control planes has asked within 5 minutes/,
  );
  assert.ok(waitedMs > 290_000 && waitedMs <= 300_000, `${waitedMs}`);
});

test("recover refuses a cluster that was never initialised", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("config", "generate", "qemu");
  const { code, err } = await harness.run("recover");
  assert.equal(code, 1);
  assert.match(err, /never initialised/);
});
