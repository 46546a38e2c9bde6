import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyedLocks } from "./locks.ts";
import { Retries } from "./retries.ts";
import { Wakeup } from "./wakeup.ts";

test("Retries waits twice as long after each failure, up to five minutes, and begins anew for a new reason", () => {
  let now = 0;
  const retries = new Retries(() => now);
  assert.equal(retries.nextInMs(), undefined);
  const waits: (number | undefined)[] = [];
  for (let time = 0; time < 10; time++) {
    assert.equal(retries.isDue("a", "1"), true);
    retries.failed("a", "1");
    assert.equal(retries.isDue("a", "1"), false);
    waits.push(retries.nextInMs());
    now += retries.nextInMs() ?? 0;
  }
  assert.deepEqual(
    waits,
    [1, 2, 4, 8, 16, 32, 64, 128, 256, 300].map((seconds) => seconds * 1_000),
  );
  retries.failed("a", "1");
  assert.equal(retries.isDue("a", "2"), true);
  assert.equal(retries.isDue("b", "1"), true);
  retries.keepOnly(new Set(["b"]));
  assert.equal(retries.nextInMs(), undefined);
});

test("KeyedLocks does work on one key one after the other, also after a failure, and others meanwhile", async () => {
  const locks = new KeyedLocks();
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = locks.run("a", async () => {
    await gate.promise;
    order.push("first");
    throw new Error("first");
  });
  const second = locks.run("a", () => Promise.resolve(order.push("second")));
  await locks.run("b", () => Promise.resolve(order.push("other")));
  gate.resolve();
  await assert.rejects(first, /first/);
  await second;
  assert.deepEqual(order, ["other", "first", "second"]);
});

test("Wakeup.wait() returns at once for a reason that came before, and when told to stop", async () => {
  const wakeup = new Wakeup();
  const stop = new AbortController();
  wakeup.wake();
  await wakeup.wait(60_000, stop.signal);
  const waiting = wakeup.wait(60_000, stop.signal);
  stop.abort();
  await waiting;
  await wakeup.wait(60_000, stop.signal);
});
