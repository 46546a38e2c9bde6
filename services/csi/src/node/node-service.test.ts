import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { CODE_METADATA } from "@constellation/rpc";
import { changeMetadata } from "@constellation/luks/testdata";
import { VOLUME_HEADER_BYTES } from "@constellation/luks";
import {
  NodeServiceCapability_RPC_Type as Rpc,
  VolumeCapability_AccessMode_Mode as Mode,
} from "@constellation/rpc/csi/v1";
import type { CsiErrorCode } from "../errors.ts";
import { SparseDevice } from "../testing/sparse-device.ts";
import { asBlockDevice, asMount, DRIVER, MIB, STAGING, TARGET, uuidOf, VOLUME, World } from "../testing/world.ts";

function newWorld(options: { integrity?: boolean } = {}): World {
  const world = new World();
  world.addVolume(VOLUME, options);
  return world;
}

/** A volume with data that is staged no more. */
async function usedWorld(): Promise<World> {
  const world = newWorld();
  await world.stage();
  world.writeData();
  await world.unstage();
  return world;
}

async function refuses(call: Promise<unknown>, code: CsiErrorCode, status?: Code): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof ConnectError, String(error));
    assert.equal(error.metadata.get(CODE_METADATA), code, error.message);
    if (status !== undefined) assert.equal(error.code, status);
    return true;
  });
}

/** Nothing was opened, mounted or written for the refused volume. */
function untouched(world: World, before: SparseDevice): void {
  assert.deepEqual([world.kernel.mappings, world.kernel.mounts, world.kernel.violations], [[], [], []]);
  const bytes = (device: SparseDevice): Uint8Array => device.read(0, VOLUME_HEADER_BYTES);
  assert.deepEqual(Buffer.compare(bytes(world.device()), bytes(before)), 0);
}

describe("the layer refuses a device that", () => {
  const attacks: [string, CsiErrorCode, (world: World) => void][] = [
    ["was blanked", "volume_blank", (world) => world.device().write(0, new Uint8Array(VOLUME_HEADER_BYTES))],
    [
      "has a file system of another in the place of the header",
      "header_refused",
      (world) => {
        world.device().write(0, new Uint8Array(VOLUME_HEADER_BYTES));
        world.device().write(1080, Uint8Array.of(0x53, 0xef));
      },
    ],
    [
      "has a null cipher in its header",
      "header_refused",
      (world) => editHeader(world, (metadata) => (metadata.segments["0"].encryption = "cipher_null-ecb")),
    ],
    [
      "has a second key slot",
      "header_refused",
      (world) => editHeader(world, (metadata) => (metadata.keyslots["1"] = metadata.keyslots["0"])),
    ],
    ["has lost its token", "header_refused", (world) => editHeader(world, (metadata) => (metadata.tokens = {}))],
    [
      "has a key slot of somebody else",
      "key_refused",
      (world) => world.device().write(32_768, new Uint8Array(32).fill(9)),
    ],
  ];
  for (const [what, code, attack] of attacks) {
    test(what, async () => {
      const world = await usedWorld();
      attack(world);
      const before = world.device().clone();
      await refuses(world.stage(), code, Code.FailedPrecondition);
      untouched(world, before);
    });
  }

  test("is another volume of this cluster", async () => {
    const world = await usedWorld();
    world.addVolume("vol-2");
    await world.stage(asMount(), "vol-2", "/staging-2");
    await world.unstage("vol-2", "/staging-2");
    world.vendor.devices.set(VOLUME, world.vendor.devices.get("vol-2")!);
    await refuses(world.stage(), "volume_swapped", Code.FailedPrecondition);
  });

  test("is new to the cluster and has data at its end", async () => {
    const world = newWorld();
    world.device().write(127 * MIB, Uint8Array.of(1));
    const before = world.device().clone();
    await refuses(world.stage(), "volume_foreign", Code.FailedPrecondition);
    untouched(world, before);
  });

  test("is new to the cluster and has a file system", async () => {
    const world = newWorld();
    world.device().write(1080, Uint8Array.of(0x53, 0xef));
    await refuses(world.stage(), "volume_foreign");
    assert.equal(world.records.records.get(VOLUME)?.formatting, undefined);
  });

  test("came in the place of one whose formatting was cut off", async () => {
    const world = newWorld();
    world.records.records.set(VOLUME, { ...world.records.records.get(VOLUME)!, formatting: uuidOf(1) });
    world.device().write(1080, Uint8Array.of(0x53, 0xef));
    await refuses(world.stage(), "volume_foreign");
  });

  test("has no integrity where that was asked for", async () => {
    const world = await usedWorld();
    world.addRecord(VOLUME, true);
    await refuses(world.stage(), "integrity_missing");
  });

  test("is open under another UUID than the one on record", async () => {
    const world = newWorld();
    await world.stage();
    world.records.records.set(VOLUME, { ...world.records.records.get(VOLUME)!, uuid: uuidOf(99) });
    await refuses(world.stage(), "volume_swapped", Code.FailedPrecondition);
  });

  test("shows another header while it is open and is to grow", async () => {
    const world = newWorld();
    world.addVolume("vol-2");
    await world.stage();
    await world.stage(asMount(), "vol-2", "/staging-2");
    world.device().write(0, world.device("vol-2").read(0, VOLUME_HEADER_BYTES));
    await refuses(world.expand(256 * MIB), "volume_swapped");
    assert.deepEqual(
      world.kernel.commands.filter(({ args }) => args[0] === "resize"),
      [],
    );
  });

  test("is too small for a header", async () => {
    const world = new World();
    world.addVolume(VOLUME, { sizeBytes: 20 * MIB });
    await refuses(world.stage(), "vendor_device");
  });
});

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

  test("closes what it opened if the mount fails", async () => {
    const world = await usedWorld();
    await refuses(world.stage(asMount("xfs")), "kernel", Code.Internal);
    assert.deepEqual(world.kernel.mappings, []);
  });

  test("closes what it opened if the new file system can't be made", async () => {
    const world = newWorld();
    const { exec } = world.kernel;
    Object.assign(world.kernel, {
      exec: (command: { program: string }, signal: AbortSignal) =>
        command.program === "mkfs.ext4" ? Promise.reject(new Error("no")) : exec(command as never, signal),
    });
    world.restart();
    await refuses(world.stage(), "kernel");
    assert.deepEqual(world.kernel.mappings, []);
    assert.equal(world.records.records.get(VOLUME)?.uuid, undefined);
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

  test("opens a volume by the generation that its token names, also after the root was changed", async () => {
    const world = await usedWorld();
    world.keys.current = 3;
    await world.stage();
    assert.equal(world.kernel.mappings.length, 1);
    assert.equal(world.driver, DRIVER);
  });
});

function editHeader(world: World, edit: Parameters<typeof changeMetadata>[1]): void {
  const area = world.device().read(0, VOLUME_HEADER_BYTES);
  world.device().write(0, changeMetadata(area, edit));
}
