import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { Secret } from "@constellation/keys";
import { FakeSealer } from "../testing/fake-sealer.ts";
import { FakeNode } from "../testing/fakes.ts";
import { sealSlot } from "./keep-sealed.ts";
import { mayChangeKey } from "./may-change-key.ts";
import type { RecoveryRecord } from "./record.ts";

const { signal } = new AbortController();
const URI = "kms://kmip?address=a.example&caFile=/credentials/ca";

let node: FakeNode;
let sealer: FakeSealer;

beforeEach(() => {
  node = new FakeNode();
  sealer = new FakeSealer(node.tpm);
  node.platform = { ...node.platform, sealer };
});
afterEach(() => node.remove());

async function seal(...generations: number[]): Promise<void> {
  const record: RecoveryRecord = {
    keyManagement: { kms: URI, storage: "", credentials: new Map([["ca", new Secret(utf8("CA"))]]) },
    clusterId: new Uint8Array(32),
    measurementSalt: new Uint8Array(32),
    roots: generations.map((generation) => ({ generation, salt: new Uint8Array(32), envelope: Uint8Array.of(1) })),
  };
  await node.disk.writeRecovery((sequence) => sealSlot(record, sequence, node.platform, signal));
}

const may = (generation: number): Promise<boolean> => mayChangeKey(generation, node, node.dependencies, signal);

test("mayChangeKey() lets a disk without records change, and a machine that can't seal", async () => {
  assert.equal(await may(2), true);
  await seal(1);
  node.platform = { ...node.platform, sealer: undefined };
  assert.equal(await may(2), true);
});

test("mayChangeKey() wants the generation in one of the records", async () => {
  await seal(1);
  assert.equal(await may(2), false);
  await seal(1, 2);
  assert.equal(await may(2), true);
  await seal(1);
  assert.equal(await may(2), true, "in the older one of two");
  await seal(1);
  assert.equal(await may(2), false);
});

test("mayChangeKey() counts no record that does not open here, and no disk that can't be read", async () => {
  await seal(1, 2);
  sealer.image = "another image";
  assert.equal(await may(2), false);
  sealer.image = "one image";
  node.disk.readRecovery = () => Promise.reject(new Error("I/O error"));
  assert.equal(await may(2), false);
});
