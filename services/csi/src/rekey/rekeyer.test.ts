import assert from "node:assert/strict";
import { test } from "node:test";
import { Rekeyer } from "./rekeyer.ts";
import { asBlockDevice, VOLUME, World } from "../testing/world.ts";

/** Two volumes are open, and the root has a new generation since. */
async function rotatedWorld(second: { integrity?: boolean } = {}): Promise<World> {
  const world = new World();
  world.addVolume(VOLUME);
  world.addVolume("vol-2", second);
  await world.stage();
  await world.stage(asBlockDevice(), "vol-2", "/staging-2");
  world.keys.current = 2;
  return world;
}

test("Rekeyer changes the key of every open volume, and leaves one that a call is under way on for later", async () => {
  const world = await rotatedWorld({ integrity: true });
  const { locks, signal } = world.context;
  const rekeyer = new Rekeyer({ ...world.context, intervalMs: 1_000 });
  await locks.run(world.names("vol-2").mapping, () => rekeyer.pass(signal));
  assert.deepEqual(world.events, ["rekeyed"]);
  assert.deepEqual([generationOf(world, VOLUME), generationOf(world, "vol-2")], [2, 1]);
  await rekeyer.pass(signal);
  await rekeyer.pass(signal);
  assert.deepEqual(world.events, ["rekeyed", "rekeyed"]);
  assert.deepEqual([generationOf(world, VOLUME), generationOf(world, "vol-2")], [2, 2]);
});

test("Rekeyer notes the generation of a volume whose key was changed when that could not be noted", async () => {
  const world = new World();
  world.addVolume(VOLUME);
  await world.stage();
  world.keys.current = 2;
  const find = world.records.find.bind(world.records);
  world.records.find = () => Promise.reject(new Error("no API server"));
  const rekeyer = new Rekeyer({ ...world.context, intervalMs: 1_000 });
  await rekeyer.pass(world.context.signal);
  assert.deepEqual(world.events, ["rekeyed", "rekey-failed"]);
  assert.equal(generationOf(world, VOLUME), 1);
  world.records.find = find;
  await rekeyer.pass(world.context.signal);
  assert.deepEqual(world.events, ["rekeyed", "rekey-failed"]);
  assert.equal(generationOf(world, VOLUME), 2);
});

function generationOf(world: World, volumeId: string): number | undefined {
  return world.records.records.get(volumeId)?.generation;
}

test("Rekeyer tells of a volume whose header storage has changed, and goes on with the others", async () => {
  const world = await rotatedWorld();
  world.device().write(0, new Uint8Array(32_768));
  const { signal } = world.context;
  await new Rekeyer({ ...world.context, intervalMs: 1_000 }).pass(signal);
  assert.deepEqual(
    world.events.sort((a, b) => a.localeCompare(b)),
    ["rekey-failed", "rekeyed"],
  );
});

test("Rekeyer goes on with other volumes where the storage of one does not answer", async () => {
  const world = await rotatedWorld();
  const { port } = world.kernel;
  const silent = world.names().vendorDevice;
  world.port = {
    ...port,
    read: (path, ...where) => (path === silent ? new Promise(() => {}) : port.read(path, ...where)),
  };
  world.restart();
  const { signal, locks } = world.context;
  await new Rekeyer({ ...world.context, intervalMs: 200 }).pass(signal);
  assert.deepEqual(
    world.events.toSorted((a, b) => a.localeCompare(b)),
    ["rekey-waits", "rekeyed"],
  );
  assert.deepEqual([generationOf(world, VOLUME), generationOf(world, "vol-2")], [1, 2]);
  // Nobody else touches the volume meanwhile.
  await assert.rejects(
    locks.run(world.names().mapping, async () => {}),
    { code: "busy" },
  );
});

test("Rekeyer takes another look after one that failed, and a stop does not wait for silent storage", async () => {
  const world = new World();
  world.addVolume(VOLUME);
  await world.stage();
  const { port } = world.kernel;
  let looks = 0;
  const stop = new AbortController();
  const silent = Promise.withResolvers<Uint8Array>();
  world.port = {
    ...port,
    list: (path) => {
      if (path !== "/sys/class/block") return port.list(path);
      looks += 1;
      return looks === 1 ? Promise.reject(Object.assign(new Error(), { code: "EMFILE" })) : port.list(path);
    },
    read: () => {
      setImmediate(() => stop.abort());
      return silent.promise;
    },
  };
  world.restart();
  await new Rekeyer({ ...world.context, intervalMs: 1_000 }).run(stop.signal);
  assert.deepEqual([looks >= 2, world.events], [true, ["rekey-failed"]]);
});
