import assert from "node:assert/strict";
import { test } from "node:test";
import { DataKey } from "@constellation/keys";
import { KEK_ID, KekCache, type KekClient } from "./kek.ts";

/** A key service that can be broken and rotated. */
class Keys implements KekClient {
  readonly asked: (number | undefined)[] = [];
  readonly given: DataKey[] = [];
  newest = 1;
  broken = false;
  nowMs = 0;
  /** What an answer waits for. */
  held = Promise.resolve();
  readonly cache = new KekCache(this, () => this.nowMs);

  async getDataKey({ keyId, lengthBytes, generation }: Parameters<KekClient["getDataKey"]>[0]) {
    this.asked.push(generation);
    assert.deepEqual([keyId, lengthBytes], ["object-kek/v1", 32]);
    await this.held;
    if (this.broken) throw new Error("no answer");
    const given = generation ?? this.newest;
    if (given > this.newest) throw new Error("not found");
    const key = new DataKey(new Uint8Array(32).fill(given));
    this.given.push(key);
    return { key, generation: given };
  }
}

test("KekCache asks for the current KEK once a minute, and for others once", async () => {
  const keys = new Keys();
  keys.newest = 3;
  const [one, two] = await Promise.all([keys.cache.current(), keys.cache.current()]);
  assert.deepEqual([one.generation, one.key.reveal()[0]], [3, 3]);
  assert.equal(one, two);
  const [a, b] = await Promise.all([keys.cache.get(1), keys.cache.get(1)]);
  assert.equal(a, b);
  assert.equal(a.reveal()[0], 1);
  assert.equal(await keys.cache.get(3), one.key);
  assert.deepEqual(keys.asked, [undefined, 1]);
  keys.nowMs = 60_000;
  await keys.cache.current();
  assert.deepEqual(keys.asked, [undefined, 1, undefined]);
  assert.equal(KEK_ID, "object-kek/v1");
});

test("KekCache wipes what the client gave", async () => {
  const keys = new Keys();
  const { key } = await keys.cache.current();
  assert.equal(key.reveal()[0], 1);
  assert.equal(keys.given[0]!.reveal()[0], 0);
});

test("KekCache takes a new generation after a minute, and goes on with the known one while nobody answers", async () => {
  const keys = new Keys();
  await keys.cache.current();
  keys.newest = 2;
  assert.equal((await keys.cache.current()).generation, 1);
  keys.nowMs = 60_000;
  keys.broken = true;
  assert.equal((await keys.cache.current()).generation, 1);
  keys.broken = false;
  assert.equal((await keys.cache.current()).generation, 1);
  keys.nowMs = 120_000;
  assert.equal((await keys.cache.current()).generation, 2);
  assert.equal((await keys.cache.get(1)).reveal()[0], 1);
});

test("KekCache never goes back to an earlier generation", async () => {
  const keys = new Keys();
  keys.newest = 2;
  await keys.cache.current();
  keys.newest = 1;
  keys.nowMs = 60_000;
  assert.equal((await keys.cache.current()).generation, 2);
});

test("KekCache hears of a rotation by an object that another proxy wrote", async () => {
  const keys = new Keys();
  await keys.cache.current();
  keys.newest = 2;
  keys.nowMs = 1_000;
  assert.equal((await keys.cache.get(2)).reveal()[0], 2);
  assert.equal((await keys.cache.current()).generation, 2);
});

test("KekCache refuses generations that are not there, and asks once a second at most because of them", async () => {
  const keys = new Keys();
  for (const generation of [0, -1, 2, 65_535, 2]) {
    await assert.rejects(keys.cache.get(generation), { code: "kek_generation_unknown" });
  }
  assert.deepEqual(keys.asked, [undefined]);
});

test("KekCache fails while it knows no KEK, and asks again", async () => {
  const keys = new Keys();
  keys.broken = true;
  await assert.rejects(keys.cache.current(), { message: "no answer" });
  await assert.rejects(keys.cache.get(1), { message: "no answer" });
  keys.broken = false;
  await keys.cache.current();
  keys.newest = 5;
  keys.nowMs = 60_000;
  await keys.cache.current();
  keys.broken = true;
  await assert.rejects(keys.cache.get(4), { message: "no answer" });
  keys.broken = false;
  assert.equal((await keys.cache.get(4)).reveal()[0], 4);
});

const COUNTS_MS = 600_000;

test("KekCache lets no KEK count for more than ten minutes after the key service gave it", async () => {
  const keys = new Keys();
  keys.newest = 2;
  await keys.cache.current();
  await keys.cache.get(1);
  keys.broken = true;
  keys.nowMs = COUNTS_MS - 1;
  assert.equal((await keys.cache.current()).generation, 2);
  assert.equal((await keys.cache.get(2)).reveal()[0], 2);
  assert.equal((await keys.cache.get(1)).reveal()[0], 1);
  keys.nowMs = COUNTS_MS;
  await assert.rejects(keys.cache.current(), { message: "no answer" });
  await assert.rejects(keys.cache.get(2), { message: "no answer" });
  await assert.rejects(keys.cache.get(1), { message: "no answer" });
  keys.broken = false;
  assert.equal((await keys.cache.get(1)).reveal()[0], 1);
  assert.equal((await keys.cache.current()).generation, 2);
});

test("KekCache counts the current KEK on from each answer that confirms it, and an earlier generation from its own", async () => {
  const keys = new Keys();
  keys.newest = 2;
  const { key } = await keys.cache.current();
  await keys.cache.get(1);
  keys.nowMs = COUNTS_MS - 1;
  assert.equal((await keys.cache.current()).key, key);
  assert.ok(keys.given.every((given) => given.reveal()[0] === 0));
  keys.broken = true;
  keys.nowMs = COUNTS_MS;
  assert.equal(await keys.cache.get(2), key);
  await assert.rejects(keys.cache.get(1), { message: "no answer" });
  keys.nowMs = 2 * COUNTS_MS - 2;
  assert.equal((await keys.cache.current()).key, key);
  keys.nowMs = 2 * COUNTS_MS - 1;
  await assert.rejects(keys.cache.current(), { message: "no answer" });
});

test("KekCache is not told by an earlier generation that a later one counts on", async () => {
  const keys = new Keys();
  keys.newest = 2;
  await keys.cache.current();
  keys.newest = 1;
  keys.nowMs = COUNTS_MS - 1;
  assert.equal((await keys.cache.current()).generation, 2);
  keys.nowMs = COUNTS_MS;
  assert.equal((await keys.cache.current()).generation, 1);
  await assert.rejects(keys.cache.get(2), { code: "kek_generation_unknown" });
});

test("KekCache lets all who wait when a KEK counts no longer wait for one answer", async () => {
  const keys = new Keys();
  await keys.cache.current();
  keys.nowMs = COUNTS_MS;
  const all = () => Promise.allSettled([keys.cache.current(), keys.cache.get(1), keys.cache.current()]);
  keys.broken = true;
  assert.ok((await all()).every(({ status }) => status === "rejected"));
  keys.broken = false;
  assert.ok((await all()).every(({ status }) => status === "fulfilled"));
  assert.deepEqual(keys.asked, [undefined, undefined, undefined]);
});

test("KekCache lets a KEK count no longer that ends while the key service is asked", async () => {
  const keys = new Keys();
  await keys.cache.current();
  keys.broken = true;
  keys.nowMs = COUNTS_MS - 1;
  const { promise, resolve } = Promise.withResolvers<void>();
  keys.held = promise;
  const waiting = keys.cache.current();
  keys.nowMs = COUNTS_MS;
  resolve();
  await assert.rejects(waiting, { message: "no answer" });
});

test("KekCache leaves a KEK that counts no longer whole for the request that was given it", async () => {
  const keys = new Keys();
  const { key } = await keys.cache.current();
  keys.nowMs = COUNTS_MS;
  assert.notEqual((await keys.cache.current()).key, key);
  assert.equal(key.reveal()[0], 1);
});
