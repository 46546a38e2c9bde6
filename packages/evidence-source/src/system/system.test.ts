import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { EvidenceSourceError } from "../error.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { refusal } from "../testing/refusal.ts";
import { SYSTEM_CLOCK } from "./clock.ts";
import { nodeDependencies } from "./dependencies.ts";
import { systemCode } from "./host-files.ts";
import { Mutex } from "./mutex.ts";
import { nodeFiles } from "./node-files.ts";
import { Remembered } from "./remembered.ts";
import { retry } from "./retry.ts";

const signal = new AbortController().signal;
const root = mkdtempSync(join(tmpdir(), "constellation-evidence-source-"));
after(() => rmSync(root, { recursive: true }));

describe("nodeFiles()", () => {
  const files = nodeFiles(root);
  mkdirSync(join(root, "tree"));
  writeFileSync(join(root, "tree/blob"), Uint8Array.of(1, 2, 3));

  test("reads under its root, up to a limit", async () => {
    assert.deepEqual(await files.read("/tree/blob", 3), Uint8Array.of(1, 2, 3));
    assert.deepEqual(await files.read("/tree/blob", 100), Uint8Array.of(1, 2, 3));
    await assert.rejects(files.read("/tree/blob", 2), refusal("blob_too_large", /more than 2 bytes/));
    await assert.rejects(files.read("/tree/none", 2), { code: "ENOENT" });
  });

  test("reads files of the kernel, which do not tell their size", async () => {
    const proc = await nodeFiles("/").read("/proc/self/status", 64 * 1024);
    assert.match(new TextDecoder().decode(proc), /^Name:/);
  });

  test("tells whether a file exists", async () => {
    assert.equal(await files.exists("/tree/blob"), true);
    assert.equal(await files.exists("/tree/none"), false);
    await assert.rejects(files.exists("/tree/blob/inside"), { code: "ENOTDIR" });
  });

  test("writes into files that exist, and makes none", async () => {
    await files.write("/tree/blob", Uint8Array.of(9, 8));
    assert.deepEqual(new Uint8Array(readFileSync(join(root, "tree/blob"))), Uint8Array.of(9, 8, 3));
    await assert.rejects(files.write("/tree/none", Uint8Array.of(1)), { code: "ENOENT" });
  });

  test("makes and removes directories", async () => {
    await files.makeDirectory("/tree/entry");
    await assert.rejects(files.makeDirectory("/tree/entry"), { code: "EEXIST" });
    await files.removeDirectory("/tree/entry");
    assert.equal(await files.exists("/tree/entry"), false);
  });
});

test("systemCode() tells errors of system calls from others", () => {
  assert.equal(systemCode(Object.assign(new Error("x"), { code: "EBUSY", syscall: "read" })), "EBUSY");
  assert.equal(systemCode(new EvidenceSourceError("device_busy", "x")), undefined);
  assert.equal(systemCode("EBUSY"), undefined);
});

test("nodeDependencies() gives the files, network and clock of the machine", async () => {
  const openTpm = () => Promise.reject(new Error("no TPM"));
  const dependencies = nodeDependencies({ root, openTpm });
  assert.equal(dependencies.openTpm, openTpm);
  assert.equal(await dependencies.files.exists("/tree"), true);
  assert.equal(dependencies.clock, SYSTEM_CLOCK);
  assert.equal(typeof dependencies.fetch, "function");
});

test("SYSTEM_CLOCK tells the time and waits, but not past the signal", async () => {
  assert.ok(Math.abs(SYSTEM_CLOCK.now().getTime() - Date.now()) < 60_000);
  await SYSTEM_CLOCK.delay(1, signal);
  await assert.rejects(SYSTEM_CLOCK.delay(60_000, AbortSignal.abort()), { name: "AbortError" });
});

test("Mutex.run() runs tasks one after the other, also after one that failed", async () => {
  const mutex = new Mutex();
  const order: string[] = [];
  const failed = mutex.run(async () => {
    order.push("first starts");
    await SYSTEM_CLOCK.delay(5, signal);
    order.push("first ends");
    throw new Error("first");
  });
  const second = mutex.run(async () => order.push("second"));
  await assert.rejects(failed, /first/);
  await second;
  assert.deepEqual(order, ["first starts", "first ends", "second"]);
});

test("Remembered.get() keeps an answer to the same question for its time, and no failure", async () => {
  const clock = new FakeClock();
  const remembered = new Remembered<number>(1000, clock);
  let asked = 0;
  const ask = async () => ++asked;
  const one = Uint8Array.of(1);
  await assert.rejects(
    remembered.get(one, () => Promise.reject(new Error("down"))),
    /down/,
  );
  assert.equal(await remembered.get(one, ask), 1);
  clock.nowMs += 999;
  assert.equal(await remembered.get(one, ask), 1);
  assert.equal(await remembered.get(Uint8Array.of(2), ask), 2);
  clock.nowMs += 1000;
  assert.equal(await remembered.get(Uint8Array.of(2), ask), 3);
});

describe("retry()", () => {
  const options = { maxAttempts: 3, isTransient: ({ code }: EvidenceSourceError) => code === "device_busy" };
  const failing = (...errors: Error[]) => {
    return async () => {
      const error = errors.shift();
      if (error !== undefined) throw error;
      return "done";
    };
  };
  const busy = new EvidenceSourceError("device_busy", "busy");

  test("waits longer each time, up to its attempts", async () => {
    const clock = new FakeClock();
    assert.equal(await retry(failing(busy, busy), options, clock, signal), "done");
    assert.deepEqual(clock.waits, [100, 200]);
    await assert.rejects(retry(failing(busy, busy, busy), options, clock, signal), refusal("device_busy"));
  });

  test("ends at once where trying again does not help", async () => {
    const clock = new FakeClock();
    const error = new EvidenceSourceError("provider", "other");
    await assert.rejects(retry(failing(error), options, clock, signal), refusal("provider"));
    await assert.rejects(retry(failing(new Error("other")), options, clock, signal), /other/);
    await assert.rejects(retry(failing(), options, clock, AbortSignal.abort()), { name: "AbortError" });
    assert.deepEqual(clock.waits, []);
  });
});
