import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, test } from "node:test";
import { planVolume } from "./persistent-volume.ts";
import { Sweep } from "./sweep.ts";
import { type TestNode, testNode } from "./testing/node.ts";
import { CLAIM_UID, CLASS, claimFor, type FakeCluster, fakeCluster, fakeParts } from "./testing/parts.ts";

const id = `pvc-${CLAIM_UID}`;
const never = new AbortController().signal;
const MIB = 1024 * 1024;

describe("Sweep", () => {
  let node: TestNode;
  let cluster: FakeCluster;
  let sweep: Sweep;
  beforeEach(async () => {
    node = await testNode({ run: () => Promise.resolve("") });
    cluster = fakeCluster();
    sweep = new Sweep(fakeParts(node, cluster), 1_000);
    await node.files.ensure(id, MIB);
  });
  afterEach(() => node.remove());

  const isThere = async () => (await node.files.find(id)) !== undefined;
  async function runAfter(...times: readonly number[]): Promise<boolean> {
    for (const ms of times) {
      cluster.clock.ms = ms;
      await sweep.run(never);
    }
    return isThere();
  }

  test("removes an unwritten file without a volume after the grace, not before", async () => {
    assert.equal(await runAfter(0, 999), true);
    assert.equal(await runAfter(1_000), false);
  });

  test("begins the grace anew when a volume named the file meanwhile", async () => {
    const { volume } = planVolume(claimFor("worker-0"), CLASS, "worker-0");
    await runAfter(0);
    cluster.seenVolumes = [volume];
    await runAfter(500);
    cluster.seenVolumes = [];
    assert.equal(await runAfter(1_000, 1_999), true);
    assert.equal(await runAfter(2_000), false);
  });

  test("believes the API server and not what it has seen before", async () => {
    cluster.volumes = [planVolume(claimFor("worker-0"), CLASS, "worker-9").volume];
    assert.equal(await runAfter(0, 5_000), true);
  });

  test("leaves the file of a claim that may be getting its volume", async () => {
    cluster.claims = [claimFor("worker-9")];
    assert.equal(await runAfter(0, 5_000), true);
  });

  test("removes nothing when the API server fails", async () => {
    await runAfter(0);
    for (const code of ["unreachable", "server_error", "forbidden", "not_found", "expired"] as const) {
      cluster.failing = code;
      await assert.rejects(runAfter(5_000), { code });
      assert.equal(await isThere(), true);
    }
  });

  test("never removes a file with data, and says so once", async () => {
    await writeFile(node.files.pathOf(id), "data");
    assert.equal(await runAfter(0, 5_000, 10_000, 1e9), true);
    assert.equal(cluster.log.filter((line) => line.includes("orphan-with-data")).length, 1);
  });
});
