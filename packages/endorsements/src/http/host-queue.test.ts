import assert from "node:assert/strict";
import { test } from "node:test";
import { HostQueue } from "./host-queue.ts";

test("HostQueue.run() runs the tasks of a host one after the other, also after one that fails", async () => {
  const queue = new HostQueue();
  const log: string[] = [];
  const first = Promise.withResolvers<void>();
  const task = (name: string, until?: Promise<void>) => async () => {
    log.push(`${name} starts`);
    await until;
    log.push(`${name} ends`);
    return name;
  };
  const one = queue.run("a", task("one", first.promise));
  const two = queue.run("a", task("two"));
  const other = queue.run("b", task("other"));
  assert.equal(await other, "other");
  assert.deepEqual(log, ["one starts", "other starts", "other ends"]);
  first.reject(new Error("no"));
  await assert.rejects(one, /no/);
  assert.equal(await two, "two");
  assert.deepEqual(log.slice(3), ["two starts", "two ends"]);
  assert.equal(await queue.run("a", task("three")), "three");
});
