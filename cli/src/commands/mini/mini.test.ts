import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parseConfig } from "@constellation/config";
import { FAKE_PCRS } from "../../testing/fake-machine.ts";
import { Harness } from "../../testing/harness.ts";

test("mini up makes a configuration from the image and brings one control plane and one worker up", async (t) => {
  const harness = await Harness.create(t);
  const { code, out, err } = await harness.run("mini", "up");
  assert.equal(code, 0, err);
  assert.match(out, /export KUBECONFIG=/);
  assert.match(out, /Node worker-0 +Ready, v1\.36\.4/);
  assert.match(err, /Check this computer \.\.\. \d/);
  const config = parseConfig(await harness.read("constellation-conf.yaml"));
  assert.equal(config.name, "mini");
  assert.equal(config.image, "../build/image/constellation.raw");
  assert.equal(config.attestation.qemuVTPM?.measurements["4"]?.expected, FAKE_PCRS["4"]);
  assert.equal(config.nodeGroups["control_plane_default"]?.initialCount, 1);
  assert.equal(harness.infrastructure.specs[0]?.imagePath, join(harness.folder, "build/image/constellation.raw"));
});

test("mini up of a cluster that is up says so and touches nothing", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("mini", "up");
  const calls = harness.infrastructure.specs.length;
  const { code, out, err } = await harness.run("mini", "up");
  assert.equal(code, 0, err);
  assert.match(out, /Your Constellation cluster is up/);
  assert.doesNotMatch(err, /Check this computer/);
  assert.equal(harness.infrastructure.specs.length, calls);
});

test("mini up lets emulated workers wait until the control plane is up", async (t) => {
  const harness = await Harness.create(t);
  const { code, err } = await harness.run("mini", "up");
  assert.equal(code, 0, err);
  assert.deepEqual(harness.infrastructure.deferrals, [true, false]);
});

test("mini up starts a machine that has crashed", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("mini", "up");
  const calls = harness.infrastructure.specs.length;
  harness.infrastructure.crash("worker-0");
  const { code, err } = await harness.run("mini", "up");
  assert.equal(code, 0, err);
  assert.equal(harness.infrastructure.specs.length, calls + 1);
  assert.ok(harness.infrastructure.processes.every((process) => process.state === "running"));
});

test("mini up finishes a removal that was cut off", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("mini", "up");
  await harness.edit("constellation-conf.yaml", (text) => text.replace(/(role: worker[\s\S]*?initialCount: )1/, "$10"));
  harness.kubernetes.onChange = (change) => {
    if (change === "delete worker-0") throw new Error("killed");
  };
  assert.match((await harness.run("apply", "-y")).err, /killed/);
  harness.kubernetes.onChange = () => {};
  const { code, err } = await harness.run("mini", "up");
  assert.equal(code, 0, err);
  assert.deepEqual(harness.kubernetes.deleted, ["worker-0"]);
});

test("mini up stops at a computer that can't run it, and goes on with --force", async (t) => {
  const harness = await Harness.create(t);
  harness.machine.memoryMiB = { totalMiB: 4096, availableMiB: 3000 };
  const refused = await harness.run("mini", "up");
  assert.equal(refused.code, 1);
  assert.match(refused.err, /failed +memory +4096 MiB, 3000 MiB available, 2 nodes want 9216 MiB/);
  assert.match(refused.err, /Check this computer failed: memory/);
  assert.equal(harness.infrastructure.specs.length, 0);
  assert.equal((await harness.run("--force", "mini", "up")).code, 0);
});

test("mini up reads the image once, and refuses a damaged one", async (t) => {
  const harness = await Harness.create(t);
  harness.machine.digest = "6".repeat(64);
  const damaged = await harness.run("mini", "up");
  assert.match(damaged.err, /is damaged: got sha256 6{64}[\s\S]*Check this computer failed: node image/);
  assert.equal(harness.infrastructure.specs.length, 0);
  harness.machine.digest = "5".repeat(64);
  harness.machine.reads = 0;
  assert.equal((await harness.run("mini", "up")).code, 0);
  assert.equal(harness.machine.reads, 1);
});

test("mini up without an image says how to get one", async (t) => {
  const harness = await Harness.create(t);
  harness.machine.files.clear();
  const { code, err } = await harness.run("mini", "up");
  assert.equal(code, 1);
  assert.match(err, /Find node image failed/);
  assert.match(err, /Hint: build it with `make image`/);
});

test("mini up offers the measurements of an image that was built anew", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("mini", "up");
  await harness.run("mini", "down", "-y");
  harness.nodes.clusterId = undefined;
  harness.kubernetes.configMap = undefined;
  harness.machine.addImage(join(harness.folder, "build/image"), { ...FAKE_PCRS, 4: "e".repeat(64) });
  harness.answers = ["y"];
  const { code, err } = await harness.run("mini", "up");
  assert.equal(code, 0, err);
  assert.match(err, /measurements \(PCR 4\) are not those of the configuration/);
  assert.match(await harness.read("constellation-conf.yaml"), /"e{64}"/);
});

test("mini up refuses a workspace of another cluster, and so does mini down", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("config", "generate", "qemu", "--name", "big");
  for (const command of ["up", "down"]) {
    const { code, err } = await harness.run("mini", command);
    assert.equal(code, 1);
    assert.match(err, /the cluster here is "big", wanted "mini"/);
  }
});

test("mini down of a configuration that is damaged names the command that needs none", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("mini", "up");
  await harness.write("constellation-conf.yaml", "][");
  const { code, err } = await harness.run("mini", "down", "-y");
  assert.equal(code, 1);
  assert.match(
    err,
    /does not say that it is "mini"[\s\S]*Hint: `constellation terminate` ends whatever cluster is here/,
  );
  assert.equal(harness.infrastructure.terminated, 0);
  assert.equal((await harness.run("terminate", "-y")).code, 0);
});

test("mini up works in the folder constellation-mini where none is named", async (t) => {
  const harness = await Harness.create(t);
  const { code, err } = await harness.run("-C", "", "mini", "up");
  assert.equal(code, 0, err);
  assert.ok(existsSync(join(harness.folder, "constellation-mini/constellation-conf.yaml")));
});

test("mini down leaves configuration and master secret, and nothing else", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("mini", "up");
  const { code, err } = await harness.run("mini", "down", "-y");
  assert.equal(code, 0, err);
  assert.match(err, /Kept w\/constellation-mastersecret\.json/);
  assert.deepEqual(await readdir(harness.path(".")), ["constellation-conf.yaml", "constellation-mastersecret.json"]);
  assert.equal(harness.infrastructure.terminated, 1);
});

test("mini down asks about configuration and master secret, and deletes what it may", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("mini", "up");
  harness.answers = ["y", "y", "n"];
  const { code, err } = await harness.run("mini", "down");
  assert.equal(code, 0, err);
  assert.deepEqual(await readdir(harness.path(".")), ["constellation-conf.yaml"]);
  harness.answers = ["y"];
  assert.equal((await harness.run("mini", "down")).code, 0);
  assert.equal(existsSync(harness.path(".")), false);
});

test("mini down --output json reports what was ended, deleted and kept", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("mini", "up");
  const { code, out } = await harness.run("mini", "down", "-y", "--delete-config", "-o", "json");
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out), {
    endedProcesses: 2,
    deleted: ["constellation-admin.conf", "constellation-state.yaml", "constellation-conf.yaml"],
    kept: ["constellation-mastersecret.json"],
  });
});

test("mini down --delete-config --delete-master-secret leaves nothing", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("mini", "up");
  const { code } = await harness.run("mini", "down", "-y", "--delete-config", "--delete-master-secret");
  assert.equal(code, 0);
  assert.equal(existsSync(harness.path(".")), false);
});
