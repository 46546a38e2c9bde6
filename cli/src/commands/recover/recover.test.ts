import assert from "node:assert/strict";
import { test } from "node:test";
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
  assert.deepEqual(recovery?.policy.pcrs["15"], { kind: "equal", anyOf: ["0".repeat(64)] });
  assert.deepEqual(recovery?.policy.endorsements, { kind: "anyOf", ekDigests: ["a".repeat(64)] });
});

test("recover says so when nobody needs it", async (t) => {
  const harness = await up(t);
  const { code, err } = await harness.run("recover");
  assert.equal(code, 0);
  assert.match(err, /No control-plane nodes in need of recovery found\. Exiting\./);
});

test("recover refuses a cluster that was never initialised", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("config", "generate", "qemu");
  const { code, err } = await harness.run("recover");
  assert.equal(code, 1);
  assert.match(err, /never initialised/);
});
