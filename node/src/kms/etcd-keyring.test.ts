import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { type EtcdKey, EtcdSecretsKey } from "@constellation/keys";
import { EtcdKeyring, READ_BEFORE_WRITE_MS } from "./etcd-keyring.ts";

const keyOf = (generation: number, fill = generation): EtcdKey => ({
  generation,
  key: new EtcdSecretsKey(new Uint8Array(32).fill(fill)),
});

let nowMs: number;
let ring: EtcdKeyring;
beforeEach(() => {
  nowMs = 1_000;
  ring = new EtcdKeyring(() => nowMs);
});

const generations = (): number[] => ring.held.map(({ generation }) => generation);

test("EtcdKeyring has no current key before it has any", () => {
  assert.equal(ring.current, undefined);
  assert.equal(ring.get(1), undefined);
});

test("EtcdKeyring writes with the highest of the generations that a node came with", () => {
  ring.replace([keyOf(2), keyOf(1)], "at-once");
  assert.equal(ring.current?.generation, 2);
  assert.deepEqual(generations(), [1, 2]);
});

test("EtcdKeyring reads with a generation that it learned of at once, and writes with it later", () => {
  ring.replace([keyOf(1)], "at-once");
  ring.replace([keyOf(1), keyOf(2)], "read-first");
  assert.equal(ring.get(2)?.reveal()[0], 2);
  nowMs += READ_BEFORE_WRITE_MS - 1;
  ring.replace([keyOf(1), keyOf(2)], "read-first");
  assert.equal(ring.current?.generation, 1);
  nowMs += 1;
  assert.equal(ring.current?.generation, 2);
});

test("EtcdKeyring that knew nothing writes with the oldest generation at once", () => {
  ring.replace([keyOf(3), keyOf(4)], "read-first");
  assert.equal(ring.current?.generation, 3);
});

test("EtcdKeyring overwrites a generation that is dropped, and copies that it has no need of", () => {
  const [first, second, copy] = [keyOf(1), keyOf(2), keyOf(2)];
  ring.replace([first, second], "at-once");
  ring.replace([copy], "read-first");
  assert.deepEqual(generations(), [2]);
  assert.deepEqual([first.key.reveal()[0], copy.key.reveal()[0], second.key.reveal()[0]], [0, 0, 2]);
});

test("EtcdKeyring refuses another key of a generation that it has, and keeps what it has", () => {
  ring.replace([keyOf(1)], "at-once");
  assert.throws(() => ring.replace([keyOf(1, 9), keyOf(2)], "read-first"), { code: "kms_key" });
  assert.deepEqual([generations(), ring.get(1)?.reveal()[0]], [[1], 1]);
});

test("EtcdKeyring refuses a generation that stands there twice, and one that is none", () => {
  assert.throws(() => ring.replace([keyOf(1), keyOf(1)], "at-once"), { code: "kms_key" });
  assert.throws(() => ring.replace([keyOf(0)], "at-once"), { code: "generation_number" });
});
