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
  { title: "publish", before: [stage, data], step: publish },
  { title: "read-only publish", before: [stage, data], step: (world) => world.publish(asMount(), true) },
  { title: "publish of a block volume", before: [stageBlock], step: (world) => world.publish(asBlockDevice()) },
  { title: "unpublish", before: [stage, data, publish], step: (world) => world.unpublish() },
  { title: "unstage", before: [stage, data], step: (world) => world.unstage() },
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
        await assert.rejects(scenario.step(world), `cut off after ${cut}`);
        world.restart();
        await scenario.step(world);
        assert.equal(withoutUuids(outcome(world)), withoutUuids(outcome(whole)), `cut off after ${cut}`);
        await scenario.step(world);
        assert.equal(withoutUuids(outcome(world)), withoutUuids(outcome(whole)), `made again after ${cut}`);
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

  test("nothing is left on the node in the end, wherever the calls before were cut off", async () => {
    const life: readonly Step[] = [
      (world) => world.stage(),
      (world) => world.publish(),
      (world) => world.unpublish(),
      (world) => world.unstage(),
    ];
    const once = async (cut: number): Promise<number> => {
      const world = new World();
      world.addVolume(VOLUME);
      world.effects.cutAfter(cut);
      for (const step of life) {
        await step(world).catch(async () => {
          world.restart();
          await step(world);
        });
      }
      assert.deepEqual([world.kernel.mounts, world.kernel.mappings], [[], []]);
      assert.deepEqual([[...world.kernel.nodes], [...world.kernel.files.keys()]], [[], []], `cut off after ${cut}`);
      assert.deepEqual([[...world.vendor.staged], world.kernel.violations], [[], []]);
      assert.ok(world.keys.given.every((key) => key.reveal().every((byte) => byte === 0)));
      return world.effects.count;
    };
    const effects = await once(Number.MAX_SAFE_INTEGER);
    for (let cut = 1; cut < effects; cut += 1) await once(cut);
  });
});
