import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@constellation/bytes";
import { deriveClusterId, MasterSecret, Secret } from "@constellation/keys";
import { formatKeyContext, parseKeyContext } from "../envelope/key-context.ts";
import { KmsError, type KmsErrorCode } from "../error.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { memoryKms } from "../testing/memory-kms.ts";
import { openRootKey, requireRootOfCluster, wrapRootKey } from "./root-key.ts";

const { signal } = new AbortController();
const salt = new Uint8Array(32).fill(2);
const measurementSalt = new Uint8Array(32).fill(3);
const master = (fill = 1): MasterSecret => new MasterSecret(new Uint8Array(32).fill(fill));
const CLUSTER_ID = deriveClusterId(master(), salt, measurementSalt);
const root = (fill = 1, generation = 1) => ({ generation, salt, master: master(fill) });
const coded = (code: KmsErrorCode) => (error: unknown) => error instanceof KmsError && error.code === code;

test("openRootKey() opens what wrapRootKey() wrapped, for its cluster and generation alone", async () => {
  const { kms } = memoryKms();
  const wrapped = await wrapRootKey({ kms, store: undefined }, CLUSTER_ID, root(), signal);
  assert.ok((await openRootKey(kms, CLUSTER_ID, wrapped, signal)).equals(master()));
  await assert.rejects(openRootKey(kms, new Uint8Array(32), wrapped, signal), coded("wrong_cluster"));
  await assert.rejects(openRootKey(kms, CLUSTER_ID, { ...wrapped, generation: 2 }, signal), coded("wrong_key_id"));
});

test("wrapRootKey() puts the envelope into the store, and takes the one of an earlier try", async () => {
  const { kms } = memoryKms();
  const store = new MemoryStore();
  const first = await wrapRootKey({ kms, store }, CLUSTER_ID, root(), signal);
  assert.deepEqual(await store.get(`${hex(CLUSTER_ID)}/root/1`), first.envelope);
  assert.deepEqual((await wrapRootKey({ kms, store }, CLUSTER_ID, root(), signal)).envelope, first.envelope);
});

test("wrapRootKey() refuses an envelope that somebody else has put into the store", async () => {
  const { kms } = memoryKms();
  const store = new MemoryStore();
  await wrapRootKey({ kms, store }, CLUSTER_ID, root(9), signal);
  await assert.rejects(wrapRootKey({ kms, store }, CLUSTER_ID, root(), signal), coded("root_key_differs"));
  const junk = new MemoryStore();
  await junk.putIfAbsent(`${hex(CLUSTER_ID)}/root/1`, Uint8Array.of(1, 2, 3));
  await assert.rejects(wrapRootKey({ kms, store: junk }, CLUSTER_ID, root(), signal), coded("wrapped_key_corrupt"));
});

test("wrapRootKey() refuses a store that keeps nothing, and a KMS that gives another key back", async () => {
  const state = memoryKms();
  const forgetful = new MemoryStore();
  forgetful.get = () => Promise.resolve(undefined);
  await assert.rejects(
    wrapRootKey({ kms: state.kms, store: forgetful }, CLUSTER_ID, root(), signal),
    coded("store_answer"),
  );
  state.lies = true;
  const none = { kms: state.kms, store: undefined };
  await assert.rejects(wrapRootKey(none, CLUSTER_ID, root(), signal), coded("wrapped_key_corrupt"));
});

test("openRootKey() refuses a secret of another length", async () => {
  const { kms } = memoryKms();
  const context = formatKeyContext({ clusterId: CLUSTER_ID, keyId: { namespace: "root", generation: 1 } });
  const envelope = await kms.wrap(new Secret(new Uint8Array(16)), context, signal);
  await assert.rejects(openRootKey(kms, CLUSTER_ID, { generation: 1, envelope }, signal), coded("kms_answer"));
});

test("requireRootOfCluster() takes the root that gives the cluster ID, and no other", () => {
  requireRootOfCluster(CLUSTER_ID, { master: master(), salt, measurementSalt });
  assert.throws(
    () => requireRootOfCluster(CLUSTER_ID, { master: master(9), salt, measurementSalt }),
    coded("root_key_differs"),
  );
});

test("formatKeyContext() and parseKeyContext() know generations of the root key within bounds", () => {
  for (const generation of [1, 2, 255]) {
    const keyId = { namespace: "root", generation } as const;
    assert.deepEqual(parseKeyContext(formatKeyContext({ clusterId: CLUSTER_ID, keyId }))?.keyId, keyId);
  }
  for (const generation of [0, -1, 1.5, 65_536, Number.NaN]) {
    const keyId = { namespace: "root", generation } as const;
    assert.throws(() => formatKeyContext({ clusterId: CLUSTER_ID, keyId }), coded("request_invalid"));
  }
  for (const text of ["root/0", "root/01", "root/256", "root/x", "root/"]) {
    const bytes = new TextEncoder().encode(`constellation/v1/wrapped-key/${hex(CLUSTER_ID)}/${text}`);
    assert.equal(parseKeyContext(bytes), undefined, text);
  }
});
