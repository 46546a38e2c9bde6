import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { test } from "node:test";
import { Harness } from "../../testing/harness.ts";

async function up(t: Parameters<typeof Harness.create>[0]): Promise<Harness> {
  const harness = await Harness.create(t);
  assert.equal((await harness.run("mini", "up")).code, 0);
  return harness;
}

const KEPT = ["constellation-conf.yaml", "constellation-mastersecret.json"];

test("terminate asks, ends the machines and keeps configuration and master secret", async (t) => {
  const harness = await up(t);
  harness.answers = ["y", "n"];
  const { code, err } = await harness.run("terminate");
  assert.equal(code, 0, err);
  assert.match(err, /all data on them will be lost/);
  assert.equal(harness.infrastructure.terminated, 1);
  assert.deepEqual(await readdir(harness.path(".")), KEPT);
});

test("terminate that is declined ends nothing", async (t) => {
  const harness = await up(t);
  harness.answers = ["no"];
  assert.equal((await harness.run("terminate")).code, 1);
  assert.equal(harness.infrastructure.terminated, 0);
});

test("terminate --delete-master-secret deletes the master secret", async (t) => {
  const harness = await up(t);
  assert.equal((await harness.run("terminate", "-y", "--delete-master-secret")).code, 0);
  assert.deepEqual(await readdir(harness.path(".")), ["constellation-conf.yaml"]);
});

test("terminate --output json reports what was ended, deleted and kept", async (t) => {
  const harness = await up(t);
  const first = await harness.run("terminate", "-y", "-o", "json");
  assert.deepEqual(JSON.parse(first.out), {
    endedProcesses: 2,
    deleted: ["constellation-admin.conf", "constellation-state.yaml"],
    kept: ["constellation-mastersecret.json", "constellation-conf.yaml"],
  });
  const second = await harness.run("terminate", "-y", "--delete-master-secret", "-o", "json");
  assert.deepEqual(JSON.parse(second.out), {
    endedProcesses: 0,
    deleted: ["constellation-mastersecret.json"],
    kept: ["constellation-conf.yaml"],
  });
  assert.equal((await harness.run("terminate", "-y")).out, "");
});

test("terminate in an empty workspace succeeds and says that there is no cluster", async (t) => {
  const harness = await Harness.create(t);
  const { code, err } = await harness.run("terminate", "-y");
  assert.equal(code, 0);
  assert.match(err, /There is no cluster in w/);
});

test("terminate that was cut off goes on, whatever files are left", async (t) => {
  for (const gone of ["constellation-admin.conf", "constellation-state.yaml"]) {
    const harness = await up(t);
    await rm(harness.path(gone));
    assert.equal((await harness.run("terminate", "-y")).code, 0);
    assert.deepEqual(await readdir(harness.path(".")), KEPT);
  }
});

const REST: readonly [string, string[], RegExp][] = [
  ["only the folder of the machines", ["constellation-local"], /Ended 2 processes; deleted w\/constellation-local\./],
  [
    "only the state",
    ["constellation-state.yaml"],
    /w\/constellation-local is gone, but 2 processes[\s\S]*Ended 2 processes; deleted w\/constellation-state\.yaml\./,
  ],
  ["nothing", [], /constellation-local is gone, but 2 processes[\s\S]*Ended 2 processes; no file of it was left\./],
];
for (const [what, files, said] of REST) {
  for (const command of [["terminate"], ["mini", "down"]]) {
    test(`${command.join(" ")} ends the machines of a workspace with ${what} left, and says what it did`, async (t) => {
      const harness = await up(t);
      await mkdir(harness.path("constellation-local"));
      for (const name of await readdir(harness.path("."))) {
        if (!files.includes(name)) await rm(harness.path(name), { recursive: true });
      }
      const { code, err } = await harness.run(...command, "-y");
      assert.equal(code, 0, err);
      assert.match(err, said);
      assert.equal(harness.infrastructure.terminated, 1);
      assert.deepEqual(await readdir(harness.path(".")).catch(() => []), []);
    });
  }
}

test("terminate asks before it ends machines of which no file is left", async (t) => {
  const harness = await up(t);
  await rm(harness.path("."), { recursive: true });
  harness.answers = ["n"];
  const declined = await harness.run("terminate");
  assert.equal(declined.code, 1);
  assert.match(declined.err, /2 processes of this workspace still run/);
  assert.equal(harness.infrastructure.terminated, 0);
  assert.equal((await harness.run("terminate", "-y")).code, 0);
  assert.equal(harness.infrastructure.terminated, 1);
  assert.equal(existsSync(harness.path(".")), false);
});

test("terminate says when nothing of the cluster ran any more", async (t) => {
  const harness = await up(t);
  harness.infrastructure.processes = [];
  const { code, err } = await harness.run("terminate", "-y");
  assert.equal(code, 0);
  assert.match(
    err,
    /No process of it ran any more; deleted w\/constellation-admin\.conf, w\/constellation-state\.yaml\./,
  );
});

test("terminate works with a configuration and a state that are damaged", async (t) => {
  const harness = await up(t);
  await harness.write("constellation-conf.yaml", "][");
  await harness.write("constellation-state.yaml", "][");
  const { code, err } = await harness.run("terminate", "-y");
  assert.equal(code, 0, err);
  assert.equal(harness.infrastructure.terminated, 1);
});
