import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import {
  NodeServiceCapability_RPC_Type as Rpc,
  VolumeCapability_AccessMode_Mode as Mode,
} from "@constellation/rpc/csi/v1";
import { asBlockDevice, asMount, MIB, STAGING, TARGET, uuidOf, VOLUME, World } from "../testing/world.ts";
import { newWorld, refuses, usedWorld } from "../testing/worlds.ts";

describe("the layer", () => {
  test("accepts a clone of which nothing is on record, beside its original, and records it", async () => {
    const world = newWorld();
    await world.stage();
    world.addVolume("clone", { device: world.device().clone() });
    await world.stage(asBlockDevice(), "clone", "/staging-2");
    const [first, second] = world.kernel.mappings;
    assert.equal(first?.uuid, second?.uuid);
    assert.notEqual(first?.name, second?.name);
    assert.equal(world.records.records.get("clone")?.uuid, uuidOf(1));
  });

  test("notes the generation of a new volume, of a clone, and of one whose record says another", async () => {
    const world = newWorld();
    world.keys.current = 2;
    const { records } = world.records;
    await world.stage();
    assert.equal(records.get(VOLUME)?.generation, 2);
    world.addVolume("clone", { device: world.device().clone() });
    await world.stage(asBlockDevice(), "clone", "/staging-2");
    assert.equal(records.get("clone")?.generation, 2);
    await world.unstage();
    records.set(VOLUME, { ...records.get(VOLUME)!, generation: 1 });
    await world.stage();
    assert.equal(records.get(VOLUME)?.generation, 2);
  });

  test("gives the kubelet what it can do itself, and the vendor's node", async () => {
    const { node } = newWorld();
    const { capabilities } = await node.nodeGetCapabilities({});
    assert.deepEqual(
      capabilities.map(({ type }) => type.value?.type),
      [Rpc.STAGE_UNSTAGE_VOLUME, Rpc.GET_VOLUME_STATS, Rpc.EXPAND_VOLUME, Rpc.SINGLE_NODE_MULTI_WRITER],
    );
    assert.equal((await node.nodeGetInfo({})).nodeId, "node-1");
  });

  test("asks the vendor for a block device, whatever the pod wants", async () => {
    const world = newWorld();
    await world.stage();
    assert.deepEqual(world.vendor.calls, ["stage", "publish"]);
  });

  test("tells a second call on a volume to come again", async () => {
    const world = newWorld();
    const [first, second] = await Promise.allSettled([world.stage(), world.stage()]);
    assert.equal(first.status, "fulfilled");
    await refuses(Promise.reject((second as PromiseRejectedResult).reason), "busy", Code.Aborted);
  });

  test("passes mount flags on, and mounts a volume of readers read-only", async () => {
    const world = await usedWorld();
    await world.stage(asMount("", Mode.SINGLE_NODE_READER_ONLY, ["noatime"]));
    assert.deepEqual(world.kernel.commands.at(-1)?.args.slice(0, 4), ["-t", "ext4", "-o", "noatime,ro"]);
    assert.equal(world.kernel.mappings[0]?.readOnly, true);
  });

  test("formats no volume of readers", async () => {
    await refuses(newWorld().stage(asMount("ext4", Mode.MULTI_NODE_READER_ONLY)), "unsupported");
  });

  test("refuses writers on several nodes", async () => {
    await refuses(newWorld().stage(asMount("ext4", Mode.MULTI_NODE_MULTI_WRITER)), "unsupported");
  });

  test("refuses file systems that it does not make", async () => {
    await refuses(newWorld().stage(asMount("btrfs")), "unsupported");
    await refuses(newWorld({ integrity: true }).stage(asMount("xfs")), "unsupported");
  });

  test("publishes a file system read-only, and refuses another mount at the target", async () => {
    const world = newWorld();
    await world.stage();
    await world.publish(asMount(), true);
    assert.equal(world.kernel.mounts.at(-1)?.readOnly, true);
    await refuses(world.publish(asMount(), false), "already_published", Code.AlreadyExists);
  });

  test("publishes a volume for one pod alone at one path", async () => {
    const alone = asMount("ext4", Mode.SINGLE_NODE_SINGLE_WRITER);
    const world = newWorld();
    await world.stage(alone);
    await world.publish(alone);
    await world.publish(alone);
    const request = { volumeId: VOLUME, stagingTargetPath: STAGING, targetPath: "/second", volumeCapability: alone };
    await refuses(world.node.nodePublishVolume(request), "published_elsewhere", Code.FailedPrecondition);
  });

  test("publishes nothing that is not staged", async () => {
    await refuses(newWorld().publish(), "not_staged", Code.FailedPrecondition);
  });

  test("does not unstage what is published", async () => {
    const world = newWorld();
    await world.stage(asBlockDevice());
    await world.publish(asBlockDevice());
    await refuses(world.unstage(), "still_published");
    await world.unpublish();
    await world.unstage();
    assert.deepEqual(world.kernel.mappings, []);
  });

  test("lets a volume grow: vendor, mapping, file system", async () => {
    const world = newWorld();
    await world.stage();
    assert.equal(await world.expand(256 * MIB), BigInt(240 * MIB));
    assert.ok(world.vendor.calls.includes("expand"));
    assert.equal([...world.kernel.plaintexts.values()][0]?.sizeBytes, 240 * MIB);
  });

  test("lets no volume with integrity grow, and does not ask the vendor", async () => {
    const world = newWorld({ integrity: true });
    await world.stage();
    await refuses(world.expand(256 * MIB), "integrity_resize", Code.FailedPrecondition);
    assert.ok(!world.vendor.calls.includes("expand"));
  });

  test("tells how full a volume is", async () => {
    const world = newWorld();
    await world.stage();
    const { usage } = await world.node.nodeGetVolumeStats({ volumeId: VOLUME, volumePath: STAGING });
    assert.deepEqual(
      usage.map(({ total }) => total),
      [10n, 10n],
    );
    const nowhere = world.node.nodeGetVolumeStats({ volumeId: VOLUME, volumePath: "/elsewhere" });
    await refuses(nowhere, "not_found", Code.NotFound);
  });

  test("tells the size of a block volume", async () => {
    const world = newWorld();
    await world.stage(asBlockDevice());
    await world.publish(asBlockDevice());
    const { usage } = await world.node.nodeGetVolumeStats({ volumeId: VOLUME, volumePath: TARGET });
    assert.deepEqual(usage[0]?.total, BigInt(112 * MIB));
  });

  const requests: [string, (world: World) => Promise<unknown>][] = [
    ["without a volume ID", (world) => world.stage(asMount(), "")],
    ["without a staging path", (world) => world.stage(asMount(), VOLUME, "")],
    ["with steps back in a path", (world) => world.stage(asMount(), VOLUME, "/var/../etc")],
    ["with a relative path", (world) => world.unstage(VOLUME, "etc")],
    ["without a capability", (world) => world.node.nodeStageVolume({ volumeId: VOLUME, stagingTargetPath: STAGING })],
    [
      "of a volume that a pod's specification holds",
      (world) =>
        world.node.nodePublishVolume({ volumeId: VOLUME, targetPath: TARGET, volumeCapability: asMount() as never }),
    ],
  ];
  for (const [what, call] of requests) {
    test(`refuses a request ${what}`, () => refuses(call(newWorld()), "argument_invalid", Code.InvalidArgument));
  }

  test("puts no key into arguments, and wipes each", async () => {
    const world = newWorld();
    await world.stage();
    world.keys.current = 2;
    const keys = world.keys.given.map((key) => key.reveal());
    assert.ok(keys.length > 0);
    await world.rekey();
    assert.ok(world.keys.given.every((key) => key.reveal().every((byte) => byte === 0)));
    const used = world.kernel.commands.filter(({ stdin }) => stdin !== undefined);
    assert.ok(used.length > 3);
    for (const { args, env } of world.kernel.commands) assert.doesNotMatch(JSON.stringify([args, env]), /[0-9a-f]{64}/);
  });
});
