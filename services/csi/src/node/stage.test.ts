import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "@connectrpc/connect";
import { type Command, ExecError } from "@constellation/exec";
import { validateVolumeHeader, VOLUME_HEADER_BYTES, type VolumeHeader } from "@constellation/luks";
import { VolumeCapability_AccessMode_Mode as Mode } from "@constellation/rpc/csi/v1";
import { asBlockDevice, asMount, DRIVER, MIB, uuidOf, VOLUME, World } from "../testing/world.ts";
import { newWorld, refuses, usedWorld } from "../testing/worlds.ts";

// What staging makes of volumes, records and keys of before, and of failures of others.

describe("staging", () => {
  test("takes a volume with data for what it is, also where its record is older and tells of formatting", async () => {
    for (const [capability, integrity] of [
      [asMount(), false],
      [asBlockDevice(), true],
    ] as const) {
      const world = newWorld({ integrity });
      await world.stage(capability);
      world.writeData();
      await world.unstage();
      const { uuid, ...record } = world.records.records.get(VOLUME)!;
      world.records.records.set(VOLUME, { ...record, uuid: undefined, formatting: uuid });
      await world.stage(capability);
      assert.match([...world.kernel.plaintexts.values()][0]!.fileSystem, /with data$/);
      assert.deepEqual(world.kernel.violations, []);
      const { uuid: noted, formatting } = world.records.records.get(VOLUME)!;
      assert.deepEqual([noted, formatting], [uuid, undefined]);
    }
  });

  test("stages beside a mapping that is being taken away", async () => {
    const world = newWorld();
    world.addVolume("vol-2");
    await world.stage(asMount(), "vol-2", "/staging-2");
    const { port } = world.kernel;
    const [first] = world.kernel.mappings;
    for (const code of ["EINVAL", "EIO"]) {
      world.port = {
        ...port,
        readText: (path) =>
          path === `/sys/class/block/dm-${first?.number}/dm/name`
            ? Promise.reject(Object.assign(new Error(), { code }))
            : port.readText(path),
      };
      world.restart();
      await world.stage();
    }
  });

  test("gives up a formatting in whose place another node's came meanwhile", async () => {
    const attempts = ["record", "header"] as const;
    for (const what of attempts) {
      const world = newWorld();
      const other = newWorld();
      const { exec } = world.kernel;
      let theirs: Uint8Array | undefined;
      Object.assign(world.kernel, {
        exec: async (command: Command) => {
          if (command.program === "mkfs.ext4") {
            // The other node formats the same device under the same UUID, and a pod of it writes.
            await other.stage();
            theirs = other.device().read(0, VOLUME_HEADER_BYTES);
            // The model has no random volume keys: theirs is another one.
            theirs[40_000]! ^= 1;
            if (what === "header") world.device().write(0, theirs);
            const record = world.records.records.get(VOLUME)!;
            if (what === "record")
              world.records.records.set(VOLUME, { ...record, uuid: uuidOf(1), formatting: undefined });
          }
          return exec(command, undefined as never);
        },
      });
      world.restart();
      await refuses(world.stage(), what === "record" ? "record_conflict" : "volume_swapped");
      if (what === "header") assert.deepEqual(world.device().read(0, VOLUME_HEADER_BYTES), theirs);
      else assert.equal(headerOf(world).generation, undefined);
    }
  });

  test("stages a file system that can't grow as it is, and leaves one that is mounted read-only", async () => {
    const staged = async (flags: string[]): Promise<World> => {
      const world = await usedWorld();
      world.device().sizeBytes = 256 * MIB;
      const { exec } = world.kernel;
      Object.assign(world.kernel, {
        exec: (command: Command) =>
          command.program === "resize2fs"
            ? Promise.reject(new ExecError("exit", "no growth"))
            : exec(command, undefined as never),
      });
      world.restart();
      await world.stage(asMount("ext4", Mode.SINGLE_NODE_WRITER, flags));
      assert.equal(world.kernel.mounts.length, 1);
      return world;
    };
    assert.deepEqual((await staged([])).events, ["grow-failed"]);
    assert.deepEqual((await staged(["ro"])).events, []);
  });

  test("takes no device away while it can't see whether the volume is open", async () => {
    const world = await usedWorld();
    await world.stage();
    const { port } = world.kernel;
    world.port = {
      ...port,
      readText: (path) =>
        path.endsWith("dm/name") ? Promise.reject(Object.assign(new Error(), { code: "EMFILE" })) : port.readText(path),
    };
    world.restart();
    await refuses(world.unstage(), "kernel", Code.Internal);
    assert.equal(world.kernel.mappings.length, 1);
    assert.equal(world.vendor.staged.size, 1);
  });

  test("tells why a volume can't be made, also where it can't be closed again", async () => {
    const world = newWorld();
    const { exec } = world.kernel;
    Object.assign(world.kernel, {
      exec: (command: Command) => {
        if (command.program === "mkfs.ext4") return Promise.reject(new ExecError("exit", "mkfs: no room"));
        if (command.args[0] === "close") return Promise.reject(new ExecError("exit", "close: in use"));
        return exec(command, undefined as never);
      },
    });
    world.restart();
    await assert.rejects(world.stage(), /mkfs: no room; then: .*close: in use/);
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

  test("opens a volume by the generation that its token names, and brings it to that of the root", async () => {
    const world = await usedWorld();
    world.keys.current = 3;
    await world.stage();
    assert.equal(world.kernel.mappings.length, 1);
    assert.deepEqual([headerOf(world).generation, world.records.records.get(VOLUME)?.generation], [3, 3]);
    assert.equal(world.driver, DRIVER);
  });

  test("leaves a volume of readers its key", async () => {
    const world = await usedWorld();
    world.keys.current = 3;
    await world.stage(asMount("ext4", Mode.MULTI_NODE_READER_ONLY));
    assert.equal(headerOf(world).generation, 1);
  });

  test("stages a volume whose key can't be changed now under the one that it has, and says so", async () => {
    const world = await usedWorld();
    world.keys.current = 3;
    const { exec } = world.kernel;
    Object.assign(world.kernel, {
      exec: (command: Command) =>
        command.args[0] === "luksAddKey" ? Promise.reject(new Error("no memory")) : exec(command, undefined as never),
    });
    world.restart();
    await world.stage();
    assert.equal(world.kernel.mounts.length, 1);
    assert.equal(headerOf(world).generation, 1);
    assert.deepEqual(world.events, ["rekey-failed"]);
  });

  test("gives the file system of a clone all of its larger device, unless it is for readers or has integrity", async () => {
    const grown = async (capability: ReturnType<typeof asMount>, integrity: boolean): Promise<number> => {
      const world = new World();
      world.addVolume(VOLUME, { integrity });
      await world.stage();
      world.writeData();
      await world.unstage();
      world.device().sizeBytes = 256 * MIB;
      await world.stage(capability);
      const { sizeBytes } = [...world.kernel.plaintexts.values()][0]!;
      return sizeBytes / MIB;
    };
    assert.equal(await grown(asMount(), false), 240);
    assert.equal(await grown(asMount("ext4", Mode.MULTI_NODE_READER_ONLY), false), 112);
    assert.equal(await grown(asMount(), true), 112);
  });
});

function headerOf(world: World): VolumeHeader {
  return validateVolumeHeader(world.device().read(0, VOLUME_HEADER_BYTES));
}
