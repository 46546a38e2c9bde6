import assert from "node:assert/strict";
import { test } from "node:test";
import { Harness } from "../../testing/harness.ts";

async function up(t: Parameters<typeof Harness.create>[0]): Promise<Harness> {
  const harness = await Harness.create(t);
  assert.equal((await harness.run("mini", "up")).code, 0);
  return harness;
}

test("status shows machines, nodes, versions and the attestation policy", async (t) => {
  const harness = await up(t);
  const { code, out } = await harness.run("status");
  assert.equal(code, 0);
  assert.match(out, /Status +up/);
  assert.match(out, /worker-0\/machine +running +pid 101/);
  assert.match(out, /worker-0 +worker +Ready +v1\.36\.4/);
  assert.match(out, /Kubernetes +v1\.36\.4/);
  assert.match(out, /PCR 4 +4{64}/);
});

test("status notices a crashed machine and exits with 1", async (t) => {
  const harness = await up(t);
  harness.infrastructure.crash("worker-0");
  harness.kubernetes.setNodes(["control-plane-0"], true);
  const { code, out } = await harness.run("status");
  assert.equal(code, 1);
  assert.match(out, /worker-0\/machine +crashed +see console\.log/);
  assert.match(out, /worker-0 +worker +not Ready \(has not joined\)/);
});

test("status names a node that is on no record", async (t) => {
  const harness = await up(t);
  harness.kubernetes.setNodes(["control-plane-0", "worker-0", "stranger"], true);
  assert.match((await harness.run("status")).out, /stranger +not recorded +Ready/);
});

test("status works while the API server does not answer, and before there is a cluster", async (t) => {
  const harness = await up(t);
  harness.kubernetes.onCall = () => {
    throw Object.assign(new Error("List nodes failed: connection refused"), { code: "unreachable" });
  };
  const silent = await harness.run("status", "-o", "json");
  assert.equal(silent.code, 1);
  assert.match((JSON.parse(silent.out) as { kubernetesError: string }).kubernetesError, /connection refused/);
  const empty = await Harness.create(t);
  await empty.run("config", "generate", "qemu");
  const none = await empty.run("status");
  assert.equal(none.code, 0);
  assert.match(none.out, /Status +not created/);
});

test("status --output json parses", async (t) => {
  const harness = await up(t);
  const report = JSON.parse((await harness.run("status", "-o", "json")).out) as { healthy: boolean; nodes: unknown[] };
  assert.equal(report.healthy, true);
  assert.equal(report.nodes.length, 2);
});
