import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { VOLUME_HEADER_BYTES } from "@constellation/luks";
import { changeMetadata } from "@constellation/luks/testdata";
import type { CsiErrorCode } from "../errors.ts";
import type { SparseDevice } from "../testing/sparse-device.ts";
import { asMount, MIB, uuidOf, VOLUME, World } from "../testing/world.ts";
import { newWorld, refuses, usedWorld } from "../testing/worlds.ts";

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

  test("came in the place of one whose formatting was cut off, with nothing where headers are", async () => {
    const world = newWorld();
    world.records.records.set(VOLUME, { ...world.records.records.get(VOLUME)!, formatting: uuidOf(1) });
    world.device().write(65_600, Buffer.from("_BHRfS_M"));
    world.device().write(127 * MIB, Uint8Array.of(1));
    const before = world.device().clone();
    await refuses(world.stage(), "volume_foreign");
    untouched(world, before);
  });

  test("shows the header of another volume, without integrity, just after it was formatted", async () => {
    const world = newWorld({ integrity: true });
    world.addVolume("vol-2");
    await world.stage(asMount(), "vol-2", "/staging-2");
    const other = world.device("vol-2").read(0, VOLUME_HEADER_BYTES);
    for (const showAfter of [1, 2, 3]) {
      let reads = 0;
      const { port } = world.kernel;
      world.port = {
        ...port,
        read: async (path, offset, length) => {
          const isDevice = path === world.names().vendorDevice;
          if (isDevice && world.kernel.commands.some(({ args }) => args.includes("--integrity=hmac-sha256")))
            reads += 1;
          return isDevice && reads >= showAfter
            ? other.slice(offset, offset + length)
            : await port.read(path, offset, length);
        },
      };
      world.restart();
      if (showAfter === 1) await refuses(world.stage(), "volume_swapped");
      else await world.stage().catch(() => {});
      const { mappings } = world.kernel;
      const [first, ...more] = mappings.filter(({ name }) => name === world.names().mapping);
      assert.ok(more.length === 0 && first?.integrity !== false);
      const uuid = world.records.records.get(VOLUME)?.uuid;
      assert.ok(uuid === undefined || uuid === first?.uuid);
      if (first !== undefined) await world.unstage();
    }
  });

  test("is open without integrity where that was asked for", async () => {
    const world = newWorld();
    await world.stage();
    const { uuid, ...record } = world.records.records.get(VOLUME)!;
    world.records.records.set(VOLUME, { ...record, uuid, integrity: true });
    await refuses(world.stage(), "integrity_missing", Code.FailedPrecondition);
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

/** Nothing was opened, mounted or written for the refused volume. */
function untouched(world: World, before: SparseDevice): void {
  assert.deepEqual([world.kernel.mappings, world.kernel.mounts, world.kernel.violations], [[], [], []]);
  const bytes = (device: SparseDevice): Uint8Array => device.read(0, VOLUME_HEADER_BYTES);
  assert.deepEqual(Buffer.compare(bytes(world.device()), bytes(before)), 0);
}

function editHeader(world: World, edit: Parameters<typeof changeMetadata>[1]): void {
  const area = world.device().read(0, VOLUME_HEADER_BYTES);
  world.device().write(0, changeMetadata(area, edit));
}
