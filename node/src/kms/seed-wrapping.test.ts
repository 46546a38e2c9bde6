import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { type EtcdKey, EtcdSecretsKey } from "@constellation/keys";
import { kmsKeyId, unwrapSeed, wrapSeed } from "./seed-wrapping.ts";

const SEED = Uint8Array.from({ length: 32 }, (_, index) => index);
const keyOf = (generation: number, fill = 7): EtcdKey => ({
  generation,
  key: new EtcdSecretsKey(new Uint8Array(32).fill(fill)),
});
const zeros = (bytes: number): Uint8Array => new Uint8Array(bytes);

test("unwrapSeed() opens what wrapSeed() made", () => {
  assert.deepEqual(unwrapSeed(keyOf(1), wrapSeed(keyOf(1), SEED, randomBytes)), SEED);
});

test("wrapSeed() makes version, nonce, ciphertext and tag of the documented lengths", () => {
  const wrapped = wrapSeed(keyOf(1), SEED, (bytes) => new Uint8Array(bytes).fill(9));
  assert.equal(wrapped.length, 1 + 12 + 32 + 16);
  assert.equal(wrapped[0], 1);
  assert.deepEqual(wrapped.subarray(1, 13), new Uint8Array(12).fill(9));
});

test("wrapSeed() takes a new nonce each time", () => {
  assert.notDeepEqual(wrapSeed(keyOf(1), SEED, randomBytes), wrapSeed(keyOf(1), SEED, randomBytes));
});

test("unwrapSeed() refuses a change of any byte", () => {
  const wrapped = wrapSeed(keyOf(1), SEED, zeros);
  for (let at = 0; at < wrapped.length; at++) {
    const changed = wrapped.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.throws(() => unwrapSeed(keyOf(1), changed), { code: at === 0 ? "kms_request" : "kms_ciphertext" });
  }
});

test("unwrapSeed() refuses another key, and the same key under another generation's name", () => {
  const wrapped = wrapSeed(keyOf(1), SEED, randomBytes);
  assert.throws(() => unwrapSeed(keyOf(1, 8), wrapped), { code: "kms_ciphertext" });
  assert.throws(() => unwrapSeed(keyOf(2), wrapped), {
    code: "kms_ciphertext",
    message: /got a ciphertext that is not authentic, wanted one of "etcd-secrets\/2"$/,
  });
});

for (const length of [0, 29, 1025]) {
  test(`unwrapSeed() refuses a ciphertext of ${length} bytes`, () => {
    assert.throws(() => unwrapSeed(keyOf(1), new Uint8Array(length).fill(1)), { code: "kms_request" });
  });
}

for (const length of [0, 257]) {
  test(`wrapSeed() refuses a seed of ${length} bytes`, () => {
    assert.throws(() => wrapSeed(keyOf(1), zeros(length), randomBytes), { code: "kms_request" });
  });
}

test("kmsKeyId() names the generation", () => {
  assert.equal(kmsKeyId(12), "etcd-secrets/12");
});
