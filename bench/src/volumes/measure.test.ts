import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { FakeMachine } from "./fake-machine.ts";
import { measureFirstUses, type Shape } from "./first-use.ts";
import { thenClean } from "./machine.ts";
import { measureVolumes, SIZES } from "./measure.ts";
import { measureTransfers } from "./transfers.ts";

const NOTHING = {
  mappings: [],
  mounts: [],
  violations: [],
  headers: [],
  folders: [],
  loops: [],
  work: [],
  openFiles: 0,
};
const MIB = 1024 * 1024;
const SMALL = { sequentialBytes: 4 * MIB, blockBytes: MIB, randomReads: 5, randomReadBytes: 4096 };
const SHAPES: readonly Shape[] = (["plain", "encrypted", "integrity"] as const).map((kind) => ({ kind, gibibytes: 1 }));
const TEXTS: Readonly<Record<string, string>> = {
  "/proc/cpuinfo": "model name : A\nflags : aes\n",
  "/proc/crypto": "name : xts(aes)\ndriver : xts-aes-aesni\npriority : 401\n",
};

describe("with a model of the kernel", () => {
  let machine: FakeMachine;
  beforeEach(async () => {
    machine = await FakeMachine.create();
  });
  afterEach(() => machine.remove());

  test("measureFirstUses() makes each volume as its class wants it, and leaves nothing", async () => {
    const found = await measureFirstUses(machine, SHAPES, 2);
    assert.deepEqual(
      found.map(({ kind, rounds }) => [kind, rounds.length]),
      [
        ["plain", 2],
        ["encrypted", 2],
        ["integrity", 2],
      ],
    );
    const [plain, encrypted, integrity] = found.map(({ rounds }) => Object.keys(rounds[0]?.partsMs ?? {}));
    assert.deepEqual(plain, ["mkfs.ext4", "mount"]);
    assert.deepEqual(encrypted, ["dmsetup", "blockdev", "luksFormat", "token", "open", "mkfs.ext4", "mount"]);
    assert.deepEqual(integrity, [
      "dmsetup",
      "blockdev",
      "luksFormat",
      "token",
      "open",
      "blkdiscard",
      "mkfs.ext4",
      "mount",
    ]);
    const formats = machine.calls.filter((call) => call.includes("luksFormat"));
    assert.deepEqual(
      formats.map((call) => call.includes("--integrity=hmac-sha256")),
      [false, true, false, true],
    );
    assert.deepEqual(await machine.left(), NOTHING);
  });

  test("measureTransfers() moves the same bytes through each device after a round that does not count", async () => {
    const times = await measureTransfers(machine, SMALL, 2);
    for (const { writeMs, readMs, randomReadMs } of Object.values(times)) {
      assert.deepEqual([writeMs.length, readMs.length, randomReadMs.length], [2, 2, 2]);
    }
    const devices = [...new Set(machine.requests.map((request) => request.split(" ")[0] ?? ""))];
    assert.deepEqual(devices, ["/dev/loop0", "/dev/dm-2", "/dev/dm-4"]);
    for (const device of devices) {
      const own = machine.requests.filter((request) => request.startsWith(device));
      const round = own.slice(0, own.length / 3).map((request) => request.slice(device.length + 1));
      const offsets = [0, 1, 2, 3].map((block) => (256 + block) * MIB);
      assert.deepEqual(round.slice(0, 9), [
        ...offsets.map((offset) => `write ${offset} ${MIB}`),
        "flush",
        ...offsets.map((offset) => `read ${offset} ${MIB}`),
      ]);
      assert.equal(round.length, 9 + SMALL.randomReads);
      for (const request of round.slice(9)) {
        const [, offset = "", length] = request.split(" ");
        assert.equal(length, "4096");
        assert.equal(Number(offset) % 4096, 0);
        assert.ok(Number(offset) >= 256 * MIB && Number(offset) < 260 * MIB, request);
      }
    }
    assert.deepEqual(await machine.left(), NOTHING);
  });

  test("measureVolumes() reports 100 GiB without integrity, all else of 1 GiB, and the processor", async () => {
    const report = await measureVolumes(machine, async (path) => TEXTS[path] ?? "");
    assert.deepEqual(report.cpu, { model: "A", aes: true });
    assert.deepEqual(report.drivers, { "xts(aes)": "xts-aes-aesni" });
    assert.deepEqual(
      report.firstUses.map(({ kind, gibibytes, rounds }) => `${kind} ${gibibytes} ${rounds.length}`),
      ["plain 1 3", "encrypted 1 3", "integrity 1 3", "plain 100 3", "encrypted 100 3"],
    );
    assert.equal(report.sizes, SIZES);
    assert.deepEqual(await machine.left(), NOTHING);
  });

  for (const [what, measure] of [
    ["measureFirstUses()", (on: FakeMachine) => measureFirstUses(on, SHAPES, 1)],
    ["measureTransfers()", (on: FakeMachine) => measureTransfers(on, SMALL, 1)],
  ] as const) {
    test(`${what} leaves nothing whichever call fails`, async () => {
      await measure(machine);
      const all = machine.calls.length;
      let failures = 0;
      for (let failAt = 1; failAt <= all; failAt += 1) {
        machine.calls.length = 0;
        machine.failAt = failAt;
        const ended = await measure(machine).then(
          () => "measured",
          (error: unknown) => {
            assert.match(`${String(error)} ${String((error as Error).cause)}`, /cut off at/);
            return "failed";
          },
        );
        if (ended === "failed") failures += 1;
        machine.failAt = undefined;
        assert.deepEqual(await machine.left(), NOTHING, `after a failure of call ${failAt}`);
      }
      // What takes things away is tried again: those calls may fail.
      assert.ok(failures > all / 2 && failures < all, `got ${failures} failures of ${all} calls`);
    });
  }
});

test("thenClean() cleans after a failure, and names both where cleaning fails, too", async () => {
  let cleaned = 0;
  const clean = async (): Promise<void> => void (cleaned += 1);
  assert.equal(await thenClean(async () => 7, clean), 7);
  const first = (): Promise<never> => Promise.reject(new Error("first"));
  await assert.rejects(thenClean(first, clean), { message: "first" });
  assert.equal(cleaned, 2);
  const second = (): Promise<never> => Promise.reject(new Error("second"));
  await assert.rejects(thenClean(first, second), { message: "first; then second" });
  await assert.rejects(
    thenClean(async () => 7, second),
    { message: "second" },
  );
});
