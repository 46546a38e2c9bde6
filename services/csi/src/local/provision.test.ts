import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ANNOTATIONS, DRIVER_NAME } from "./names.ts";
import { planVolume } from "./persistent-volume.ts";
import { provision, wantsVolume } from "./provision.ts";
import { release } from "./release.ts";
import { NO_RESERVE, type TestNode, testNode } from "./testing/node.ts";
import { CLAIM_UID, CLASS, claimFor, type FakeCluster, fakeCluster, fakeParts } from "./testing/parts.ts";

const id = `pvc-${CLAIM_UID}`;
const never = new AbortController().signal;
const MIB = 1024 * 1024;

describe("provision()", () => {
  let node: TestNode;
  let cluster: FakeCluster;
  let totalBytes: number;
  beforeEach(async () => {
    totalBytes = 1024 * MIB;
    const statfs = () => Promise.resolve({ totalBytes, availableBytes: totalBytes });
    node = await testNode({ run: () => Promise.resolve(""), statfs }, NO_RESERVE);
    cluster = fakeCluster();
    cluster.claims = [claimFor("worker-0")];
  });
  afterEach(() => node.remove());

  const run = () => provision(claimFor("worker-0"), fakeParts(node, cluster), never);
  const file = () => node.files.find(id);

  test("does the same when it is run again", async () => {
    await run();
    await run();
    assert.deepEqual(cluster.changes, [["create", id]]);
    assert.equal((await file())?.sizeBytes, 64 * MIB);
  });

  test("removes its file when another node was first, but never one with data", async () => {
    cluster.volumes = [planVolume(claimFor("worker-1"), CLASS, "worker-1").volume];
    await run();
    assert.equal(await file(), undefined);
    await node.files.ensure(id, 64 * MIB);
    await writeFile(node.files.pathOf(id), "data", { flag: "r+" });
    await run();
    assert.notEqual(await file(), undefined);
  });

  test("refuses a volume of its name that another driver has", async () => {
    const { volume } = planVolume(claimFor("worker-0"), CLASS, "worker-0");
    cluster.volumes = [{ ...volume, spec: { ...volume.spec, csi: { driver: "x", volumeHandle: id } } }];
    await assert.rejects(run(), { code: "volume_foreign" });
  });

  test("does nothing for a claim that is another's by now", async () => {
    const [claim] = cluster.claims;
    assert.ok(claim);
    const { annotations, ...metadata } = claim.metadata;
    for (const now of [
      claimFor("worker-1"),
      { ...claim, spec: { ...claim.spec, volumeName: "other" } },
      { ...claim, metadata: { ...metadata, annotations: { ...annotations }, uid: "another" } },
      { ...claim, metadata: { ...metadata, annotations: { ...annotations }, deletionTimestamp: "now" } },
    ]) {
      cluster.claims = [now];
      await run();
      assert.equal(await file(), undefined);
    }
    assert.deepEqual(cluster.changes, []);
  });

  test("gives a claim back only as it was when the disk was found full", async () => {
    totalBytes = 63 * MIB;
    await run();
    assert.deepEqual(cluster.changes, [
      [
        "patch",
        "c",
        {
          metadata: { uid: CLAIM_UID, resourceVersion: "7", annotations: { [ANNOTATIONS.selectedNode]: null } },
        },
      ],
    ]);
    assert.equal(await file(), undefined);
  });

  test("leaves its file for the next try when the API server fails", async () => {
    cluster.failing = "timeout";
    await assert.rejects(run(), { code: "timeout" });
    assert.deepEqual(cluster.changes, []);
  });

  test("wantsVolume() is for claims of this driver only", () => {
    const { metadata, spec } = claimFor("worker-0");
    const by = (provisioner: string) => ({
      metadata: { ...metadata, annotations: { ...metadata.annotations, [ANNOTATIONS.provisioner]: provisioner } },
      spec,
    });
    assert.equal(wantsVolume(by(DRIVER_NAME), "worker-0"), true);
    assert.equal(wantsVolume(by("csi.vendor.example"), "worker-0"), false);
    assert.equal(wantsVolume(by(DRIVER_NAME), "worker-1"), false);
  });

  test("release() asks the API server before it removes a file", async () => {
    await run();
    const [volume] = cluster.volumes;
    assert.ok(volume);
    const released = { ...volume, status: { phase: "Released" } };
    // What was seen was true once: the volume is claimed again.
    cluster.volumes = [{ ...volume, status: { phase: "Bound" } }];
    await release(released, fakeParts(node, cluster), never);
    assert.notEqual(await file(), undefined);
    // Another volume has the name.
    cluster.volumes = [{ ...released, metadata: { ...released.metadata, uid: "another" } }];
    await release(released, fakeParts(node, cluster), never);
    assert.notEqual(await file(), undefined);
    // It is of another node.
    const { volume: other } = planVolume(claimFor("worker-1"), CLASS, "worker-1");
    cluster.volumes = [{ ...other, status: { phase: "Released" } }];
    await release(released, fakeParts(node, cluster), never);
    assert.notEqual(await file(), undefined);
    cluster.failing = "unreachable";
    await assert.rejects(release(released, fakeParts(node, cluster), never), { code: "unreachable" });
    assert.notEqual(await file(), undefined);
  });
});
