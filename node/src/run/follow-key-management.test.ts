import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { deriveClusterId, MasterSecret, Secret } from "@constellation/keys";
import { wrapRootKey } from "@constellation/kms/root";
import { memoryKms, type MemoryKms } from "@constellation/kms/testing";
import { readRecord, writeRecord } from "../recovery/record-file.ts";
import type { RecoveryRecord } from "../recovery/record.ts";
import { unsealRecord } from "../recovery/sealed-record.ts";
import { wrapRoot } from "../recovery/wrap-root.ts";
import { FakeSealer } from "../testing/fake-sealer.ts";
import { FakeNode } from "../testing/fakes.ts";
import { followKeyManagement } from "./follow-key-management.ts";

const { signal } = new AbortController();
const salt = new Uint8Array(32).fill(2);
const measurementSalt = new Uint8Array(32).fill(3);
const master = new MasterSecret(new Uint8Array(32).fill(1));
const clusterId = deriveClusterId(master, salt, measurementSalt);
const URI = "kms://kmip?address=a.example&caFile=/credentials/ca";

let node: FakeNode;
let sealer: FakeSealer;
let kms: MemoryKms;
let record: RecoveryRecord;
let diskGeneration: number;

beforeEach(async () => {
  node = new FakeNode();
  sealer = new FakeSealer(node.tpm);
  node.platform = { ...node.platform, sealer };
  kms = memoryKms();
  diskGeneration = 1;
  node.externalKms = { kms: kms.kms, store: undefined };
  const keyManagement = { kms: URI, storage: "", credentials: new Map([["ca", new Secret(utf8("old CA"))]]) };
  const wrapped = await wrapRoot(
    { keyManagement, master, salt, clusterId, measurementSalt },
    node.platform,
    node.dependencies,
    signal,
  );
  record = wrapped.record;
  await writeRecord(node.root, record, wrapped.slot);
  await node.disk.writeRecovery(() => Promise.resolve(wrapped.slot));
  clusterSays({});
});
afterEach(() => node.remove());

/** Changes the cluster's Secrets from what init wrote: the way to the KMS, and the root key. */
function clusterSays(
  changes: Readonly<Record<string, Uint8Array>>,
  rootChanges: Readonly<Record<string, Uint8Array>> = {},
): void {
  const entries = { kms: utf8(URI), storage: utf8(""), clusterid: clusterId, measurementsalt: measurementSalt };
  const all = { ...entries, "credentials.ca": utf8("old CA"), ...changes };
  node.secrets.set("constellation-kms", new Map(Object.entries(all)));
  const [root] = record.roots;
  node.secrets.set(
    "constellation-master-secret",
    new Map([["mastersecret.wrapped", root!.envelope], ["salt", salt], ...Object.entries(rootChanges)]),
  );
}

/** One look at the cluster. */
async function follow(): Promise<void> {
  const stop = new AbortController();
  const once = async (): Promise<void> => stop.abort();
  await followKeyManagement({ platform: node.platform, diskGeneration }, node.dependencies, once, stop.signal);
}

async function sealedCa(): Promise<string> {
  const [slot] = await node.disk.readRecovery();
  const sealed = await unsealRecord(slot!, { diskUuid: node.platform.diskUuid, sealer }, signal);
  return Buffer.from(sealed.keyManagement.credentials.get("ca")!.reveal()).toString();
}

test("followKeyManagement() seals credentials that were exchanged, and keeps them on the disk", async () => {
  clusterSays({ "credentials.ca": utf8("new CA") });
  await follow();
  assert.equal(await sealedCa(), "new CA");
  assert.equal((await readRecord(node.root))?.keyManagement.credentials.get("ca")?.lengthBytes, 6);
  const before = node.disk.recovery.slice();
  await follow();
  assert.deepEqual(node.disk.recovery, before, "once");
});

test("followKeyManagement() seals nothing that is as it was, and asks no KMS for it", async () => {
  const [before, unwraps] = [node.disk.recovery.slice(), kms.unwraps];
  await follow();
  assert.deepEqual(node.disk.recovery, before);
  assert.equal(kms.unwraps, unwraps);
});

const refused: [string, () => void][] = [
  [
    "does not open the root key",
    () => ((kms.failure = "kms_denied"), clusterSays({ "credentials.ca": utf8("wrong") })),
  ],
  ["is another cluster's", () => clusterSays({ clusterid: new Uint8Array(32).fill(7) })],
  ["has another salt", () => clusterSays({ measurementsalt: new Uint8Array(32).fill(7) })],
  ["names a file of the machine", () => clusterSays({ kms: utf8(URI.replace("/credentials/ca", "/etc/shadow")) })],
  ["is no record", () => clusterSays({ clusterid: new Uint8Array(3) })],
  ["has not the generation of this disk", () => ((diskGeneration = 2), clusterSays({ "credentials.ca": utf8("new") }))],
  ["has a generation that the KMS never had", () => clusterSays({}, { "mastersecret-2": salt, "salt-2": salt })],
  ["has an entry that is none", () => clusterSays({}, { "mastersecret-2x.wrapped": salt })],
];
for (const [what, change] of refused) {
  test(`followKeyManagement() keeps the old record where the new one ${what}, and says so`, async () => {
    change();
    await follow();
    assert.ok(
      node.consoleLines.some((line) => line.includes("is not taken over")),
      node.consoleLines.join(),
    );
    assert.equal(await sealedCa(), "old CA");
  });
}

test("followKeyManagement() seals a new generation of the root key, and keeps the first", async () => {
  const second = {
    generation: 2,
    salt: new Uint8Array(32).fill(5),
    master: new MasterSecret(new Uint8Array(32).fill(6)),
  };
  const { envelope } = await wrapRootKey({ kms: kms.kms, store: undefined }, clusterId, second, signal);
  clusterSays({}, { "mastersecret-2.wrapped": envelope, "salt-2": second.salt });
  await follow();
  const [slot] = await node.disk.readRecovery();
  const sealed = await unsealRecord(slot!, { diskUuid: node.platform.diskUuid, sealer }, signal);
  assert.deepEqual(
    sealed.roots.map(({ generation }) => generation),
    [1, 2],
  );
});

test("followKeyManagement() keeps the record where the cluster says nothing, and ends where there is none", async () => {
  node.secrets.clear();
  await follow();
  assert.equal(await sealedCa(), "old CA");
  await writeRecord(node.root, undefined, undefined);
  const never = (): Promise<void> => Promise.reject(new Error("it waits"));
  await followKeyManagement({ platform: node.platform, diskGeneration }, node.dependencies, never, signal);
});
