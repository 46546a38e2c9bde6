import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { deriveClusterId, deriveStateDiskKey, MasterSecret, Secret } from "@constellation/keys";
import { memoryKms, type MemoryKms } from "@constellation/kms/testing";
import { NodeError } from "../errors.ts";
import type { RecoveredKey } from "../rejoin/recover-service.ts";
import { FakeSealer } from "../testing/fake-sealer.ts";
import { FakeNode } from "../testing/fakes.ts";
import { recoverByKms } from "./self-recovery.ts";
import { wrapRoot } from "./wrap-root.ts";

const { signal } = new AbortController();
const salt = new Uint8Array(32).fill(2);
const measurementSalt = new Uint8Array(32).fill(3);
const master = new MasterSecret(new Uint8Array(32).fill(1));
const clusterId = deriveClusterId(master, salt, measurementSalt);

let node: FakeNode;
let kms: MemoryKms;
let waits: number[];
/** What trying a key does, one call after the other; at the end it opens. */
let outcomes: Error[];
let tried: RecoveredKey[];

beforeEach(async () => {
  node = new FakeNode();
  node.platform = { ...node.platform, sealer: new FakeSealer(node.tpm) };
  kms = memoryKms();
  node.kms = { kms: kms.kms, store: undefined };
  [waits, outcomes, tried] = [[], [], []];
  await seal("kms://kmip?address=a.example&caFile=/credentials/ca");
});
afterEach(() => node.remove());

async function seal(uri: string): Promise<void> {
  const keyManagement = { kms: uri, storage: "", credentials: new Map([["ca", new Secret(utf8("CA"))]]) };
  const root = { keyManagement, master, salt, clusterId, measurementSalt };
  const { slot } = await wrapRoot(root, node.platform, node.dependencies, signal);
  await node.disk.writeRecovery(() => Promise.resolve(slot));
}

function recover(): Promise<void> {
  const tryKey = async (key: RecoveredKey): Promise<void> => {
    tried.push(key);
    const outcome = outcomes.shift();
    if (outcome !== undefined) throw outcome;
  };
  const delay = async (ms: number): Promise<void> => {
    waits.push(ms);
    if (waits.length === 3) kms.failure = undefined;
  };
  return recoverByKms({ platform: node.platform, disk: node.disk, tryKey }, { ...node.dependencies, delay }, signal);
}

test("recoverByKms() tries the key of this disk, and says which cluster it is of", async () => {
  await recover();
  assert.deepEqual(tried[0]?.clusterId, clusterId);
  assert.ok(tried[0]?.diskKey.equals(deriveStateDiskKey(master, salt, node.platform.diskUuid)));
});

test("recoverByKms() waits longer and longer for the KMS, and says an unchanged reason once", async () => {
  kms.failure = "kms_busy";
  await recover();
  assert.deepEqual(waits, [1_000, 2_000, 4_000]);
  assert.equal(node.consoleLines.filter((line) => line.includes("waiting for KMS")).length, 1);
});

test("recoverByKms() looks again after a while where the key did not open the disk", async () => {
  outcomes = [new NodeError("refused", "the key does not fit")];
  await recover();
  assert.deepEqual(waits, [300_000]);
  assert.equal(tried.length, 2);
});

test("recoverByKms() ends where the disk was opened otherwise", async () => {
  outcomes = [new NodeError("already_initialised", "it is open")];
  await assert.rejects(recover(), { code: "already_initialised" });
  assert.deepEqual(waits, []);
});

test("recoverByKms() asks no KMS where the machine can't seal", async () => {
  node.platform = { ...node.platform, sealer: undefined };
  const asked = kms.unwraps;
  await recover();
  assert.equal(kms.unwraps, asked);
  assert.equal(tried.length, 0);
});
