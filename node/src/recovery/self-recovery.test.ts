import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { hex, utf8 } from "@constellation/bytes";
import { deriveClusterId, deriveEtcdSecretsKey, deriveStateDiskKey, MasterSecret, Secret } from "@constellation/keys";
import { wrapRootKey } from "@constellation/kms/root";
import { memoryKms, type MemoryKms } from "@constellation/kms/testing";
import { NodeError } from "../errors.ts";
import type { RecoveredKey } from "../rejoin/recovered-key.ts";
import { FakeSealer } from "../testing/fake-sealer.ts";
import { FakeNode } from "../testing/fakes.ts";
import { sealSlot } from "./keep-sealed.ts";
import type { RecoveryRecord } from "./record.ts";
import { recoverByKms } from "./self-recovery.ts";
import { wrapRoot } from "./wrap-root.ts";

const { signal } = new AbortController();
const salt = new Uint8Array(32).fill(2);
const measurementSalt = new Uint8Array(32).fill(3);
const master = new MasterSecret(new Uint8Array(32).fill(1));
const clusterId = deriveClusterId(master, salt, measurementSalt);

const second = { master: new MasterSecret(new Uint8Array(32).fill(4)), salt: new Uint8Array(32).fill(5) };

let node: FakeNode;
let first: RecoveryRecord;
let kms: MemoryKms;
let waits: number[];
/** What trying a key does, one call after the other; at the end it opens. */
let outcomes: Error[];
let tried: RecoveredKey[];
/** Clusters that the boot was bound to, and how often the KMS had been asked by then. */
let bound: { isOwn: boolean; unwraps: number }[];
/** What the disk's header names. */
let generation: number;

beforeEach(async () => {
  node = new FakeNode();
  node.platform = { ...node.platform, sealer: new FakeSealer(node.tpm) };
  kms = memoryKms();
  node.externalKms = { kms: kms.kms, store: undefined };
  [waits, outcomes, tried, bound] = [[], [], [], []];
  generation = 1;
  await seal("kms://kmip?address=a.example&caFile=/credentials/ca");
});
afterEach(() => node.remove());

async function seal(uri: string): Promise<void> {
  const keyManagement = { kms: uri, storage: "", credentials: new Map([["ca", new Secret(utf8("CA"))]]) };
  const root = { keyManagement, master, salt, clusterId, measurementSalt };
  const { record, slot } = await wrapRoot(root, node.platform, node.dependencies, signal);
  first = record;
  await node.disk.writeRecovery(() => Promise.resolve(slot));
}

/** The cluster's root key gets a second generation, and the node seals it. */
async function sealSecond(): Promise<void> {
  const opened = { kms: kms.kms, store: undefined };
  const wrapped = await wrapRootKey(opened, clusterId, { generation: 2, ...second }, signal);
  const record = { ...first, roots: [...first.roots, wrapped] };
  await node.disk.writeRecovery((sequence) => sealSlot(record, sequence, node.platform, signal));
}

const bindTo = async (cluster: string, isCluster: (clusterId: Uint8Array) => boolean): Promise<void> => {
  bound.push({ isOwn: isCluster(clusterId) && cluster === hex(clusterId), unwraps: kms.unwraps });
};

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
  const parts = { platform: node.platform, disk: node.disk, generation, tryKey, bindTo };
  return recoverByKms(parts, { ...node.dependencies, delay }, signal);
}

test("recoverByKms() tries the key of this disk, and says which cluster it is of", async () => {
  await recover();
  assert.deepEqual(tried[0]?.clusterId, clusterId);
  assert.ok(tried[0]?.diskKey.equals(deriveStateDiskKey(master, salt, node.platform.diskUuid)));
});

test("recoverByKms() binds the boot to the record's cluster before it asks the KMS", async () => {
  const before = kms.unwraps;
  await recover();
  assert.deepEqual(bound, [{ isOwn: true, unwraps: before }]);
});

test("recoverByKms() brings the keys for etcd of all generations, and the key to change to", async () => {
  await sealSecond();
  await recover();
  const [key] = tried;
  assert.ok(key !== undefined && key.diskKey.equals(deriveStateDiskKey(master, salt, node.platform.diskUuid)));
  assert.equal(key.next?.generation, 2);
  assert.ok(key.next?.key.equals(deriveStateDiskKey(second.master, second.salt, node.platform.diskUuid)));
  assert.deepEqual(
    key.etcdKeys.map((etcd) => etcd.generation),
    [1, 2],
  );
  assert.ok(key.etcdKeys[1]?.key.equals(deriveEtcdSecretsKey(second.master, second.salt)));
});

test("recoverByKms() opens a disk of a newer generation by that one", async () => {
  await sealSecond();
  generation = 2;
  await recover();
  assert.ok(tried[0]?.diskKey.equals(deriveStateDiskKey(second.master, second.salt, node.platform.diskUuid)));
  assert.equal(tried[0]?.next, undefined);
});

test("recoverByKms() tries no key for a disk of a generation that no record holds", async () => {
  generation = 2;
  const stop = new AbortController();
  const tryKey = (key: RecoveredKey): Promise<void> => Promise.resolve(void tried.push(key));
  const delay = async (): Promise<void> => {
    stop.abort();
    stop.signal.throwIfAborted();
  };
  const parts = { platform: node.platform, disk: node.disk, generation, tryKey, bindTo };
  await assert.rejects(recoverByKms(parts, { ...node.dependencies, delay }, stop.signal), { name: "AbortError" });
  assert.equal(tried.length, 0);
  assert.ok(node.consoleLines.some((line) => line.includes("not possible")));
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
