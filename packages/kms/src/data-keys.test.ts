import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { hex } from "@constellation/bytes";
import { KeysError, MasterSecret, Secret } from "@constellation/keys";
import { ClusterKms } from "./cluster/cluster-kms.ts";
import { DataKeys } from "./data-keys.ts";
import { EnvelopeKms } from "./envelope/envelope-kms.ts";
import { KmsError, type KmsErrorCode } from "./error.ts";
import type { KeyManagementService } from "./key-wrapper.ts";
import { MemoryStore } from "./store/memory-store.ts";
import type { WrappedKeyStore } from "./store/wrapped-key-store.ts";

const { signal } = new AbortController();
const CLUSTER = new Uint8Array(32).fill(1);
const VOLUME = { namespace: "volume", id: "a" } as const;
const STORE_ID = `${hex(CLUSTER)}/volume/a`;

function newKms(): KeyManagementService {
  const masterSecret = () =>
    Promise.resolve({ secret: new MasterSecret(new Uint8Array(32)), salt: new Uint8Array(32) });
  return new EnvelopeKms(new ClusterKms({ masterSecret }, randomBytes), randomBytes);
}

const keysOf = (store: WrappedKeyStore, kms = newKms(), clusterId = CLUSTER): DataKeys =>
  new DataKeys(clusterId, { kms, store, random: randomBytes });
const coded = (code: KmsErrorCode) => (error: unknown) => error instanceof KmsError && error.code === code;

test("DataKeys makes a key once and gives it again, also to others", async () => {
  const store = new MemoryStore();
  assert.equal(await keysOf(store).get(VOLUME, 32, signal), undefined);
  const key = await keysOf(store).getOrCreate(VOLUME, 32, signal);
  assert.equal(key.lengthBytes, 32);
  assert.ok((await keysOf(store).getOrCreate(VOLUME, 32, signal)).equals(key));
  assert.ok((await keysOf(store).get(VOLUME, 32, signal))?.equals(key));
  const other = await keysOf(store).getOrCreate({ namespace: "volume", id: "b" }, 32, signal);
  assert.ok(!other.equals(key));
  assert.deepEqual(await store.list(""), [STORE_ID, `${hex(CLUSTER)}/volume/b`]);
});

test("DataKeys gives one key to all control planes that make it at once", async () => {
  const store = new MemoryStore();
  const made = await Promise.all(Array.from({ length: 16 }, () => keysOf(store).getOrCreate(VOLUME, 64, signal)));
  assert.equal(new Set(made.map((key) => hex(key.reveal()))).size, 1);
});

test("DataKeys gives the key that the store took, also when the answer was lost", async () => {
  const store = new MemoryStore();
  const lossy: WrappedKeyStore = {
    get: (id) => store.get(id),
    list: (prefix) => store.list(prefix),
    delete: (id) => store.delete(id),
    // As after a retry of what had been kept: another was first, and it was we.
    putIfAbsent: async (id, bytes) => (await store.putIfAbsent(id, bytes)) && false,
  };
  const key = await keysOf(lossy).getOrCreate(VOLUME, 32, signal);
  assert.ok((await keysOf(store).get(VOLUME, 32, signal))?.equals(key));
});

test("DataKeys refuses a store that forgets what it took", async () => {
  const forgetful: WrappedKeyStore = {
    get: async () => undefined,
    list: async () => [],
    delete: async () => undefined,
    putIfAbsent: async () => true,
  };
  await assert.rejects(keysOf(forgetful).getOrCreate(VOLUME, 32, signal), coded("store_answer"));
});

test("DataKeys keeps nothing that the KMS can't open again", async () => {
  const store = new MemoryStore();
  const kms = newKms();
  const broken: KeyManagementService = {
    kind: kms.kind,
    wrap: (plaintext, data, end) => kms.wrap(new Secret(plaintext.reveal().slice(1)), data, end),
    unwrap: (wrapped, data, end) => kms.unwrap(wrapped, data, end),
    status: (end) => kms.status(end),
  };
  await assert.rejects(keysOf(store, broken).getOrCreate(VOLUME, 32, signal), coded("key_length"));
  assert.deepEqual(await store.list(""), []);
});

test("DataKeys refuses wrapped keys that were swapped between IDs and clusters", async () => {
  const store = new MemoryStore();
  const other = new Uint8Array(32).fill(9);
  await keysOf(store).getOrCreate(VOLUME, 32, signal);
  const wrapped = (await store.get(STORE_ID)) as Uint8Array;
  await store.putIfAbsent(`${hex(CLUSTER)}/volume/b`, wrapped);
  await store.putIfAbsent(`${hex(other)}/volume/a`, wrapped);
  const swapped = keysOf(store).getOrCreate({ namespace: "volume", id: "b" }, 32, signal);
  await assert.rejects(swapped, coded("wrong_key_id"));
  await assert.rejects(keysOf(store, newKms(), other).getOrCreate(VOLUME, 32, signal), coded("wrong_cluster"));
});

test("DataKeys replaces no key that is damaged", async () => {
  const store = new MemoryStore();
  await store.putIfAbsent(STORE_ID, new Uint8Array(100));
  await assert.rejects(keysOf(store).getOrCreate(VOLUME, 32, signal), coded("wrapped_key_corrupt"));
  assert.deepEqual(await store.get(STORE_ID), new Uint8Array(100));
});

test("DataKeys refuses another length than the key was made with, and lengths out of bounds", async () => {
  const store = new MemoryStore();
  await keysOf(store).getOrCreate(VOLUME, 32, signal);
  await assert.rejects(keysOf(store).getOrCreate(VOLUME, 64, signal), coded("key_length"));
  await assert.rejects(keysOf(store).getOrCreate(VOLUME, 8, signal), KeysError);
});
