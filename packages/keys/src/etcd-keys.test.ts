import assert from "node:assert/strict";
import { test } from "node:test";
import { collectEtcdKeys, type GivenKey, MAX_GENERATION, validateGeneration } from "./etcd-keys.ts";
import { KeysError } from "./errors.ts";

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

test("collectEtcdKeys() ends at the first generation that was dropped", async () => {
  const asked: number[] = [];
  const keys = await collectEtcdKeys((generation) => {
    asked.push(generation);
    return Promise.resolve(generation === 3 || generation === 2 ? undefined : keyOf(generation || 4));
  });
  assert.deepEqual([keys.map(({ generation }) => generation), asked], [[4], [0, 3]]);
});

test("collectEtcdKeys() refuses the key of another generation than it asked for", async () => {
  const wrong = collectEtcdKeys((generation) => Promise.resolve(keyOf(generation === 0 ? 3 : 1)));
  await assert.rejects(wrong, { code: "generation", message: /got generation "1", wanted "2"$/ });
});

test("collectEtcdKeys() refuses an answer without a generation, and none at all", async () => {
  await assert.rejects(
    collectEtcdKeys(() => Promise.resolve(keyOf(0))),
    { code: "generation" },
  );
  await assert.rejects(
    collectEtcdKeys(() => Promise.resolve(undefined)),
    { code: "generation" },
  );
});

test("collectEtcdKeys() asks for a bounded number of generations", async () => {
  const keys = await collectEtcdKeys((generation) => Promise.resolve(keyOf(generation || MAX_GENERATION)));
  assert.equal(keys.length, 64);
});

for (const generation of [0, -1, 1.5, Number.NaN, MAX_GENERATION + 1]) {
  test(`validateGeneration() refuses ${generation}`, () => {
    assert.throws(
      () => validateGeneration(generation),
      (error: unknown) => error instanceof KeysError && error.code === "generation",
    );
  });
}
