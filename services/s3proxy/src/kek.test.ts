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
  readonly cache = new KekCache(this, () => this.nowMs);

  async getDataKey({ keyId, lengthBytes, generation }: Parameters<KekClient["getDataKey"]>[0]) {
    this.asked.push(generation);
    assert.deepEqual([keyId, lengthBytes], ["object-kek/v1", 32]);
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
