import assert from "node:assert/strict";
import { test } from "node:test";
import { Rekeyer } from "./rekeyer.ts";
import { asBlockDevice, VOLUME, World } from "../testing/world.ts";

test("Rekeyer changes the key of every open volume, and leaves one that a call is under way on for later", async () => {
  const world = new World();
  world.addVolume(VOLUME);
  world.addVolume("vol-2", { integrity: true });
  await world.stage();
  await world.stage(asBlockDevice(), "vol-2", "/staging-2");
  world.keys.current = 2;
  const lines: string[] = [];
  const { kernel, volumes, locks, folders, signal } = world.context;
  const log = { record: (event: string): void => void lines.push(event) };
  const rekeyer = new Rekeyer({ kernel, volumes, locks, folders, log, intervalMs: 1_000 });
  await locks.run(world.names("vol-2").mapping, () => rekeyer.pass(signal));
  assert.deepEqual(lines, ["rekeyed"]);
  assert.deepEqual([generationOf(world, VOLUME), generationOf(world, "vol-2")], [2, 1]);
  await rekeyer.pass(signal);
  await rekeyer.pass(signal);
  assert.deepEqual(lines, ["rekeyed", "rekeyed"]);
  assert.deepEqual([generationOf(world, VOLUME), generationOf(world, "vol-2")], [2, 2]);
});

test("Rekeyer notes the generation of a volume whose key was changed when that could not be noted", async () => {
  const world = new World();
  world.addVolume(VOLUME);
  await world.stage();
  world.keys.current = 2;
  const find = world.records.find.bind(world.records);
  world.records.find = () => Promise.reject(new Error("no API server"));
  const lines: string[] = [];
  const log = { record: (event: string): void => void lines.push(event) };
  const rekeyer = new Rekeyer({ ...world.context, log, intervalMs: 1_000 });
  await rekeyer.pass(world.context.signal);
  assert.deepEqual(lines, ["rekeyed", "rekey-failed"]);
  assert.equal(generationOf(world, VOLUME), 1);
  world.records.find = find;
  await rekeyer.pass(world.context.signal);
  assert.deepEqual(lines, ["rekeyed", "rekey-failed"]);
  assert.equal(generationOf(world, VOLUME), 2);
});

function generationOf(world: World, volumeId: string): number | undefined {
  return world.records.records.get(volumeId)?.generation;
}

test("Rekeyer tells of a volume whose header storage has changed, and goes on with the others", async () => {
  const world = new World();
  world.addVolume(VOLUME);
  world.addVolume("vol-2");
  await world.stage();
  await world.stage(asBlockDevice(), "vol-2", "/staging-2");
  world.keys.current = 2;
  world.device().write(0, new Uint8Array(32_768));
  const lines: string[] = [];
  const log = { record: (event: string): void => void lines.push(event) };
  const { signal } = world.context;
  await new Rekeyer({ ...world.context, log, intervalMs: 1_000 }).pass(signal);
  assert.deepEqual(
    lines.sort((a, b) => a.localeCompare(b)),
    ["rekey-failed", "rekeyed"],
  );
});
