import assert from "node:assert/strict";
import { test } from "node:test";
import { collectEtcdKeys, type GivenKey } from "./etcd-keys.ts";
import { MAX_GENERATION } from "./generation.ts";
import { EtcdSecretsKey } from "./roles.ts";

const keyOf = (generation: number): GivenKey => ({ generation, dataKey: new Uint8Array(32).fill(generation) });

test("collectEtcdKeys() goes down from the current generation to the first", async () => {
  const keys = await collectEtcdKeys((generation) => Promise.resolve(keyOf(generation || 3)));
  assert.deepEqual(
    keys.map(({ generation, key }) => [generation, key.reveal()[0]]),
    [
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  );
});

test("collectEtcdKeys() overwrites the bytes that it took, usable or not", async () => {
  const given = keyOf(1);
  await collectEtcdKeys(() => Promise.resolve(given));
  assert.deepEqual(given.dataKey, new Uint8Array(32));
  const short = { generation: 1, dataKey: new Uint8Array(16).fill(1) };
  await assert.rejects(
    collectEtcdKeys(() => Promise.resolve(short)),
    { code: "secret_length" },
  );
  assert.deepEqual(short.dataKey, new Uint8Array(16));
});

test("collectEtcdKeys() passes over generations that were removed", async () => {
  const asked: number[] = [];
  const keys = await collectEtcdKeys((generation) => {
    asked.push(generation);
    return Promise.resolve(generation === 3 || generation === 2 ? undefined : keyOf(generation || 4));
  });
  assert.deepEqual(
    [keys.map(({ generation }) => generation), asked],
    [
      [1, 4],
      [0, 3, 2, 1],
    ],
  );
});

test("collectEtcdKeys() refuses the key of another generation than it asked for", async () => {
  const wrong = collectEtcdKeys((generation) => Promise.resolve(keyOf(generation === 0 ? 3 : 1)));
  await assert.rejects(wrong, { code: "generation_answer", message: /got generation "1", wanted "2"$/ });
});

test("collectEtcdKeys() overwrites the keys that it has, where a later one fails", async (context) => {
  const wiped: string[] = [];
  context.mock.method(EtcdSecretsKey.prototype, "wipe", function (this: EtcdSecretsKey) {
    wiped.push(String(this.reveal()[0]));
  });
  const wrong = collectEtcdKeys((generation) => Promise.resolve(keyOf([4, 7, 0, 3][generation] ?? 0)));
  await assert.rejects(wrong, { code: "generation_answer" });
  assert.deepEqual(wiped.splice(0), ["4", "3", "0"]);
  const lost = collectEtcdKeys((generation) =>
    generation === 2 ? Promise.reject(new Error("lost")) : Promise.resolve(keyOf(generation || 4)),
  );
  await assert.rejects(lost, /lost/);
  assert.deepEqual(wiped, ["4", "3"]);
});

test("collectEtcdKeys() refuses an answer without a generation, and none at all", async () => {
  await assert.rejects(
    collectEtcdKeys(() => Promise.resolve(keyOf(0))),
    { code: "generation_number" },
  );
  await assert.rejects(
    collectEtcdKeys(() => Promise.resolve(undefined)),
    { code: "generation_answer" },
  );
});

test("collectEtcdKeys() asks for a bounded number of generations", async () => {
  const keys = await collectEtcdKeys((generation) => Promise.resolve(keyOf(generation || MAX_GENERATION)));
  assert.equal(keys.length, MAX_GENERATION);
  await assert.rejects(
    collectEtcdKeys(() => Promise.resolve(keyOf(MAX_GENERATION + 1))),
    { code: "generation_number" },
  );
});
