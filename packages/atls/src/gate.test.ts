import assert from "node:assert/strict";
import { test } from "node:test";
import { Gate } from "./gate.ts";

const NEVER = new AbortController().signal;

test("Gate runs as many tasks at once as it was told, the others in order", async () => {
  const gate = new Gate(2);
  const started: number[] = [];
  const third = Promise.withResolvers<void>();
  const ends = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
  const runs = ends.map((end, index) =>
    gate.run(() => {
      started.push(index);
      if (index === 2) third.resolve();
      return end.promise;
    }, NEVER),
  );
  await Promise.resolve();
  assert.deepEqual(started, [0, 1]);
  ends[1]!.resolve();
  await third.promise;
  assert.deepEqual(started, [0, 1, 2]);
  for (const end of ends) end.resolve();
  await Promise.all(runs);
  assert.deepEqual(started, [0, 1, 2, 3]);
});

test("Gate lets the next task in when one fails, and drops one whose signal is aborted", async () => {
  const gate = new Gate(1);
  const first = Promise.withResolvers<void>();
  const controller = new AbortController();
  const failing = gate.run(() => first.promise, NEVER);
  const aborted = gate.run(async () => "never", controller.signal);
  const last = gate.run(async () => "last", NEVER);
  controller.abort(new Error("gone"));
  await assert.rejects(aborted, { message: "gone" });
  first.reject(new Error("broken"));
  await assert.rejects(failing, { message: "broken" });
  assert.equal(await last, "last");
  await assert.rejects(
    gate.run(async () => "never", controller.signal),
    { message: "gone" },
  );
});
