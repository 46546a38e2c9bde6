import assert from "node:assert/strict";
import { mkdtemp, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, type TestContext, test } from "node:test";
import { type Exec, exec } from "@constellation/exec";
import { DiskKey } from "@constellation/keys";
import { AREA_OFFSETS, AREA_SIZE_BYTES } from "@constellation/luks";
import { madeHeader } from "@constellation/luks/testdata/made-header";
import { RECORDED_UUID } from "@constellation/luks/testdata";
import { findTool } from "@constellation/testkit/tool";
import { StateDisk } from "./state-disk.ts";

const signal = new AbortController().signal;
const cryptsetup = findTool("usr/sbin/cryptsetup");
/** Into the text of a header's JSON area: a copy that is written so far does not hold together. */
const TORN_BYTES = 4_200;
const keyOf = (generation: number) => new DiskKey(new Uint8Array(32).fill(generation));

/** The image's cryptsetup; a mapping is not made: that the key opens the slot is all that is asked. */
const programs: Exec = async (command, stop) => {
  if (command.program !== "cryptsetup" || cryptsetup === undefined) return await exec(command, stop);
  const args = command.args[0] === "open" ? testPassphrase(command.args) : command.args;
  return await exec({ ...command, program: cryptsetup.program, args: [...cryptsetup.args, ...args] }, stop);
};

function testPassphrase(args: readonly string[]): string[] {
  const header = args[args.indexOf("--header") + 1] ?? "";
  return ["open", "--test-passphrase", "--type", "luks2", "--key-file", "-", header];
}

describe("the key of a state disk, changed by the image's cryptsetup", () => {
  let directory: string;
  let device: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "constellation-rekey-"));
    device = join(directory, "disk");
    await writeFile(device, madeHeader(keyOf(1).reveal()));
    await truncate(device, 20 * 1024 * 1024);
  });
  afterEach(() => rm(directory, { recursive: true }));

  const disk = (): StateDisk =>
    new StateDisk({ device, uuid: RECORDED_UUID, mapperName: "state", runDirectory: join(directory, "run") }, programs);

  /** A boot: looks at the disk, opens it with the key of the generation that it names, changes to another. */
  async function boot(next?: number) {
    const booted = disk();
    const content = await booted.inspect();
    assert.ok(content.kind === "initialised");
    const change = next === undefined ? undefined : { key: keyOf(next), generation: next };
    const opened = await booted.open(keyOf(content.generation), signal, change);
    return { ...opened, before: content.generation };
  }

  async function opensWith(generation: number): Promise<boolean> {
    const other = disk();
    await other.inspect();
    return await other.open(keyOf(generation), signal).then(
      () => true,
      () => false,
    );
  }

  const slotAt = async (offset: number): Promise<Buffer> =>
    (await readFile(device)).subarray(offset, offset + AREA_SIZE_BYTES);

  test("a new key opens it, the old one does not, and nothing of its slot is left; again and again", async () => {
    assert.equal(await opensWith(1), true);
    for (const generation of [2, 3, 4]) {
      const { failure, generation: now, before } = await boot(generation);
      assert.equal(failure, undefined);
      assert.deepEqual([before, now], [generation - 1, generation]);
      assert.equal(await opensWith(generation), true);
      assert.equal(await opensWith(generation - 1), false);
      const [empty, used] = generation % 2 === 0 ? [AREA_OFFSETS[1], AREA_OFFSETS[0]] : AREA_OFFSETS;
      assert.ok((await slotAt(empty)).every((byte) => byte === 0));
      assert.ok((await slotAt(used)).some((byte) => byte !== 0));
    }
  });

  test("a wrong key changes nothing", async () => {
    const before = await readFile(device);
    const booted = disk();
    await booted.inspect();
    await assert.rejects(booted.open(keyOf(9), signal, { key: keyOf(2), generation: 2 }), { code: "disk" });
    assert.ok(before.equals(await readFile(device)));
  });

  for (let write = 1; write <= 4; write++) {
    for (const torn of [false, true]) {
      const what = torn ? "within" : "before";
      test(`cut off ${what} its write ${write}, the disk opens at the next boot and ends with the new key`, async (t) => {
        const lift = await cutOff(t, device, write, torn);
        const cut = await boot(2);
        lift();
        assert.ok(cut.failure !== undefined);
        const { before, generation, failure } = await boot(2);
        assert.equal(failure, undefined);
        assert.equal(before, write > 2 ? 2 : 1);
        assert.equal(generation, 2);
        assert.deepEqual([await opensWith(2), await opensWith(1)], [true, false]);
        assert.ok((await slotAt(AREA_OFFSETS[1])).every((byte) => byte === 0));
      });
    }
  }
});

/** Lets the nth write to the disk, and all after it, fail; torn ones after their first bytes. */
async function cutOff(t: TestContext, device: string, nth: number, torn: boolean): Promise<() => void> {
  const handle = await open(device, "r");
  const prototype = Object.getPrototypeOf(handle) as { write: (...args: unknown[]) => Promise<unknown> };
  await handle.close();
  const { write } = prototype;
  let count = 0;
  const mock = t.mock.method(prototype, "write", async function (this: unknown, ...args: unknown[]) {
    count++;
    if (count < nth) return await write.apply(this, args);
    const [bytes, start, length, position] = args as [Uint8Array, number, number, number];
    if (count === nth && torn) await write.call(this, bytes, start, Math.min(length, TORN_BYTES), position);
    throw new Error("power cut");
  });
  return () => mock.mock.restore();
}
