import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { freeArea, validateVolumeHeader } from "@constellation/luks";
import { asBlockDevice, asMount, MIB, VOLUME, World } from "../testing/world.ts";

type Step = (world: World) => Promise<void>;

interface Scenario {
  readonly title: string;
  readonly options?: ConstructorParameters<typeof World>[0];
  readonly integrity?: boolean;
  readonly before: readonly Step[];
  readonly step: Step;
}

const stage: Step = (world) => world.stage();
const stageBlock: Step = (world) => world.stage(asBlockDevice());
const publish: Step = (world) => world.publish();
const data: Step = async (world) => world.writeData();
const newGeneration: Step = async (world) => void (world.keys.current = 2);

const SCENARIOS: readonly Scenario[] = [
  { title: "stage of a new volume", before: [], step: stage },
  { title: "stage of a new volume with integrity", integrity: true, before: [], step: stage },
  { title: "stage of a new block volume", before: [], step: stageBlock },
  { title: "stage of a new block volume with integrity", integrity: true, before: [], step: stageBlock },
  { title: "stage without the vendor's stage", options: { stages: false }, before: [], step: stage },
  { title: "stage of a volume with data", before: [stage, data, (world) => world.unstage()], step: stage },
  {
    title: "stage of a clone",
    before: [stage, data, (world) => world.unstage(), async (world) => world.addRecord(VOLUME)],
    step: stage,
  },
  {
    title: "stage of a volume with data under a key of before",
    before: [stage, data, (world) => world.unstage(), newGeneration],
    step: stage,
  },
  {
    title: "stage of a block volume with integrity under a key of before",
    integrity: true,
    before: [stageBlock, data, (world) => world.unstage(), newGeneration],
    step: stageBlock,
  },
  {
    title: "stage of a clone on a larger device",
    before: [stage, data, (world) => world.unstage(), async (world) => void (world.device().sizeBytes = 256 * MIB)],
    step: stage,
  },
  { title: "publish", before: [stage, data], step: publish },
  { title: "read-only publish", before: [stage, data], step: (world) => world.publish(asMount(), true) },
  { title: "publish of a block volume", before: [stageBlock], step: (world) => world.publish(asBlockDevice()) },
  { title: "unpublish", before: [stage, data, publish], step: (world) => world.unpublish() },
  { title: "unstage", before: [stage, data], step: (world) => world.unstage() },
  {
    title: "unstage of a volume with integrity",
    integrity: true,
    before: [stage, data],
    step: (world) => world.unstage(),
  },
  {
    title: "unstage without the vendor's stage",
    options: { stages: false },
    before: [stage, data],
    step: (world) => world.unstage(),
  },
  { title: "expand", before: [stage, data], step: async (world) => void (await world.expand(256 * MIB)) },
  { title: "change of the key", before: [stage, data, newGeneration], step: (world) => world.rekey() },
];

/** A world before the step. */
async function prepared({ options, integrity = false, before }: Scenario): Promise<World> {
  const world = new World(options);
  world.addVolume(VOLUME, { integrity });
  for (const step of before) await step(world);
  return world;
}

/** What there is in the end, also as the volume's header and record tell it. */
function outcome(world: World): unknown {
  const area = world.device().read(0, 1 * MIB);
  const header = validateVolumeHeader(area);
  const { uuid, generation, integrity, whole } = header;
  const { start, end } = freeArea(header);
  const oldSlot = area.subarray(start, end).some((byte) => byte !== 0);
  const record = world.records.records.get(VOLUME);
  return [
    world.kernel.state(),
    { generation, integrity, whole, oldSlot, recorded: record?.uuid === uuid, pending: record?.formatting },
  ];
}

/** UUIDs of new volumes count up with each attempt. */
function withoutUuids(value: unknown): string {
  return JSON.stringify(value).replaceAll(/00000000-0000-4000-8000-\d{12}/g, "UUID");
}

describe("a call that is cut off after any side effect and made again comes to the same end", () => {
  for (const scenario of SCENARIOS) {
    test(scenario.title, async (context) => {
      const whole = await prepared(scenario);
      const start = whole.effects.count;
      await scenario.step(whole);
      const effects = whole.effects.count - start;
      assert.ok(effects > 0);
      context.diagnostic(`${effects} side effects`);
      for (let cut = 1; cut <= effects; cut += 1) {
        const world = await prepared(scenario);
        world.effects.cutAfter(cut);
        // What it would have answered nobody hears: a change of the key that fails is no error of the call.
        await scenario.step(world).catch(() => {});
        assert.ok(world.effects.isDead, `cut off after ${cut}`);
        world.restart();
        await scenario.step(world);
        assert.equal(withoutUuids(outcome(world)), withoutUuids(outcome(whole)), `cut off after ${cut}`);
        await scenario.step(world);
        assert.equal(withoutUuids(outcome(world)), withoutUuids(outcome(whole)), `made again after ${cut}`);
      }
    });
  }

  for (const scenario of SCENARIOS) {
    test(`${scenario.title}, where a side effect fails`, async () => {
      const whole = await prepared(scenario);
      const start = whole.effects.count;
      await scenario.step(whole);
      const effects = whole.effects.count - start;
      for (let done = 0; done < effects; done += 1) {
        const world = await prepared(scenario);
        world.effects.failAfter(done);
        const failed = await scenario.step(world).then(
          () => world.events.length > 0,
          () => true,
        );
        assert.ok(failed, `told of the failure after ${done}`);
        await scenario.step(world);
        assert.equal(withoutUuids(outcome(world)), withoutUuids(outcome(whole)), `failed after ${done}`);
      }
    });
  }

  test("stage ends a change of the key that was cut off before", async () => {
    const scenario = SCENARIOS.at(-1)!;
    for (let cut = 1; cut < 13; cut += 1) {
      const world = await prepared(scenario);
      world.effects.cutAfter(cut);
      await assert.rejects(scenario.step(world));
      world.restart();
      await world.unstage();
      await world.stage();
      const [, header] = outcome(world) as [unknown, { whole: boolean; oldSlot: boolean; recorded: boolean }];
      assert.deepEqual([header.whole, header.oldSlot, header.recorded], [true, false, true], `cut off after ${cut}`);
      await world.rekey();
      assert.equal(validateVolumeHeader(world.device().read(0, 1 * MIB)).generation, 2);
    }
  });

  test("stage of a new volume, cut off twice", async () => {
    const scenario = SCENARIOS[1]!;
    const whole = await prepared(scenario);
    const start = whole.effects.count;
    await scenario.step(whole);
    const effects = whole.effects.count - start;
    for (let first = 1; first <= effects; first += 3) {
      for (let second = 1; second <= effects; second += 4) {
        const world = await prepared(scenario);
        for (const cut of [first, second]) {
          world.effects.cutAfter(cut);
          await scenario.step(world).catch(() => {});
          world.restart();
        }
        await scenario.step(world);
        assert.equal(withoutUuids(outcome(world)), withoutUuids(outcome(whole)), `cut off after ${first}, ${second}`);
      }
    }
  });

  for (const integrity of [false, true]) {
    const what = integrity ? "a volume with integrity" : "a volume";

    test(`nothing of ${what} is left on the node in the end, wherever the calls before were cut off`, async () => {
      const life: readonly Step[] = [stage, publish, (world) => world.unpublish(), (world) => world.unstage()];
      const once = async (cut: number): Promise<number> => {
        const world = await prepared({ title: "", integrity, before: [], step: stage });
        world.effects.cutAfter(cut);
        for (const step of life) {
          await step(world).catch(async () => {
            world.restart();
            await step(world);
          });
        }
        nothingLeft(world, cut);
        return world.effects.count;
      };
      const effects = await once(Number.MAX_SAFE_INTEGER);
      for (let cut = 1; cut < effects; cut += 1) await once(cut);
    });

    test(`nothing of ${what} is left on the node by a stage that was cut off, after unstage`, async () => {
      for (let cut = 1; ; cut += 1) {
        const world = await prepared({ title: "", integrity, before: [], step: stage });
        // Of another volume that is being formatted.
        world.kernel.halves.push({ name: "temporary-cryptsetup-x", table: "live", over: "8:160" });
        world.effects.cutAfter(cut);
        await stage(world).catch(() => {});
        if (!world.effects.isDead) break;
        world.restart();
        await world.unstage();
        assert.ok(
          world.kernel.halves.some(({ over }) => over === "8:160"),
          "it is not ours to take away",
        );
        world.kernel.halves = world.kernel.halves.filter(({ over }) => over !== "8:160");
        nothingLeft(world, cut);
      }
    });
  }
});

function nothingLeft({ kernel, vendor, keys }: World, cut: number): void {
  assert.deepEqual([kernel.mounts, kernel.mappings, kernel.halvesInUse], [[], [], []], `cut off after ${cut}`);
  assert.deepEqual([[...kernel.nodes], [...kernel.files.keys()]], [[], []], `cut off after ${cut}`);
  assert.deepEqual([[...vendor.staged], kernel.violations], [[], []]);
  assert.ok(keys.given.every((key) => key.reveal().every((byte) => byte === 0)));
}
