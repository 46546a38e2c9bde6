import assert from "node:assert/strict";
import crypto, { hkdfSync } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { test, type TestContext } from "node:test";
import vectors from "../vectors.json" with { type: "json" };
import {
  deriveClusterId,
  deriveDataKey,
  deriveEtcdSecretsKey,
  deriveKeyEncryptionKey,
  deriveStateDiskKey,
} from "./derive.ts";
import { stateDiskUuid } from "./disk-uuid.ts";
import { KeysError, type KeysErrorCode } from "./errors.ts";
import { parseKeyId } from "./key-id.ts";
import { MasterSecret } from "./roles.ts";
import type { Secret } from "./secret.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (data: Uint8Array) => Buffer.from(data).toString("hex");
const master = new MasterSecret(bytes(vectors.masterSecret));
const salt = bytes(vectors.salt);
const measurementSalt = bytes(vectors.measurementSalt);
const coded = (code: KeysErrorCode) => (error: unknown) => error instanceof KeysError && error.code === code;

test("deriveClusterId() gives the vector's ID", () => {
  assert.equal(hex(deriveClusterId(master, salt, measurementSalt)), vectors.clusterId);
});

test("deriveClusterId() depends on each of its inputs", () => {
  const other = new Uint8Array(32);
  assert.notEqual(hex(deriveClusterId(new MasterSecret(other), salt, measurementSalt)), vectors.clusterId);
  assert.notEqual(hex(deriveClusterId(master, other, measurementSalt)), vectors.clusterId);
  assert.notEqual(hex(deriveClusterId(master, salt, other)), vectors.clusterId);
});

test("deriveEtcdSecretsKey() gives the vector's key", () => {
  assert.equal(hex(deriveEtcdSecretsKey(master, salt).reveal()), vectors.etcdSecretsKey);
});

test("deriveDataKey() gives the same key under its name in the key service, in that length only", () => {
  const named = (lengthBytes: number) => deriveDataKey(master, salt, "etcd-secrets", "kubernetes", lengthBytes);
  assert.equal(hex(named(32).reveal()), vectors.etcdSecretsKey);
  for (const length of [16, 64]) assert.throws(() => named(length), coded("key_length"));
  assert.throws(() => deriveDataKey(master, salt, "etcd-secrets", "other", 32), coded("key_id"));
});

test("deriveKeyEncryptionKey() gives the vector's key", () => {
  assert.equal(hex(deriveKeyEncryptionKey(master, salt).reveal()), vectors.keyEncryptionKey);
});

test("stateDiskUuid() gives the vector's version 8 UUID", () => {
  assert.equal(stateDiskUuid(bytes(vectors.ekDigest)), vectors.stateDiskUuid);
  assert.match(vectors.stateDiskUuid, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("stateDiskUuid() refuses a digest of the wrong length", () => {
  assert.throws(() => stateDiskUuid(new Uint8Array(31)), coded("digest_length"));
});

test("deriveStateDiskKey() gives the vector's key, the same as the data key of that disk", () => {
  assert.equal(hex(deriveStateDiskKey(master, salt, vectors.stateDiskUuid).reveal()), vectors.stateDiskKey);
});

for (const { keyId, lengthBytes, key } of vectors.dataKeys) {
  test(`deriveDataKey() gives the vector's key for ${keyId} of ${lengthBytes} bytes`, () => {
    const { namespace, id } = parseKeyId(keyId);
    assert.equal(hex(deriveDataKey(master, salt, namespace, id, lengthBytes).reveal()), key);
  });
}

test("deriveDataKey() gives keys of different lengths that share no prefix", () => {
  const short = hex(deriveDataKey(master, salt, "volume", "a", 32).reveal());
  assert.ok(!hex(deriveDataKey(master, salt, "volume", "a", 64).reveal()).startsWith(short));
});

test("deriveDataKey() refuses lengths out of bounds, bad IDs and bad salts", () => {
  for (const length of [0, 15, 129, 32.5, Number.NaN]) {
    assert.throws(() => deriveDataKey(master, salt, "volume", "a", length), coded("key_length"));
  }
  for (const length of [31, 33]) {
    assert.throws(() => deriveDataKey(master, salt, "state-disk", vectors.stateDiskUuid, length), coded("key_length"));
  }
  assert.throws(() => deriveDataKey(master, salt, "volume", "a/b", 32), coded("key_id"));
  assert.throws(() => deriveDataKey(master, new Uint8Array(31), "volume", "a", 32), coded("salt_length"));
});

test("deriveClusterId() is derived from the vector's measurement secret alone", () => {
  const info = "constellation/v1/cluster-id";
  const clusterId = hkdfSync("sha256", bytes(vectors.measurementSecret), measurementSalt, info, 32);
  assert.equal(hex(deriveClusterId(master, salt, measurementSalt)), hex(new Uint8Array(clusterId)));
});

/** Runs `derive` and gives its result with all bytes that HKDF gave, or that were copied, meanwhile. */
function watched<T>({ mock }: TestContext, derive: () => T): { readonly result: T; readonly seen: Uint8Array[] } {
  const derived = mock.method(crypto, "hkdfSync");
  const copied = mock.method(Uint8Array, "from");
  syncBuiltinESMExports();
  try {
    const result = derive();
    const buffers = derived.mock.calls.flatMap((call) => (call.result === undefined ? [] : [call.result]));
    assert.equal(buffers.length, derived.mock.callCount());
    const copies = copied.mock.calls.flatMap((call) => (call.result === undefined ? [] : [call.result as Uint8Array]));
    return { result, seen: [...buffers.map((buffer) => new Uint8Array(buffer)), ...copies] };
  } finally {
    derived.mock.restore();
    copied.mock.restore();
    syncBuiltinESMExports();
  }
}

/** Of the bytes that were seen, only the result's own are left. */
function assertOnly(result: Uint8Array, seen: readonly Uint8Array[], wanted: string): void {
  assert.equal(hex(result), wanted);
  const others = seen.filter((data) => data !== result);
  assert.ok(others.length > 0 && others.length < seen.length);
  for (const data of others) assert.deepEqual(data, new Uint8Array(data.length));
}

const [volumeKey] = vectors.dataKeys.filter(({ keyId }) => keyId.startsWith("volume/"));
assert.ok(volumeKey !== undefined);
const DERIVED: readonly [name: string, derive: () => Secret, wanted: string][] = [
  ["deriveStateDiskKey()", () => deriveStateDiskKey(master, salt, vectors.stateDiskUuid), vectors.stateDiskKey],
  ["deriveEtcdSecretsKey()", () => deriveEtcdSecretsKey(master, salt), vectors.etcdSecretsKey],
  ["deriveKeyEncryptionKey()", () => deriveKeyEncryptionKey(master, salt), vectors.keyEncryptionKey],
  [
    "deriveDataKey() of a volume",
    () => deriveDataKey(master, salt, "volume", parseKeyId(volumeKey.keyId).id, volumeKey.lengthBytes),
    volumeKey.key,
  ],
  [
    "deriveDataKey() of the etcd secrets key",
    () => deriveDataKey(master, salt, "etcd-secrets", "kubernetes", 32),
    vectors.etcdSecretsKey,
  ],
];
for (const [name, derive, wanted] of DERIVED) {
  test(`${name} leaves no bytes but those of the key that it gives`, (context) => {
    const { result, seen } = watched(context, derive);
    assertOnly(result.reveal(), seen, wanted);
  });
}

test("deriveClusterId() leaves no bytes but those of the ID, whose measurement secret is gone", (context) => {
  const { result, seen } = watched(context, () => deriveClusterId(master, salt, measurementSalt));
  assert.equal(seen.length, 3);
  assertOnly(result, seen, vectors.clusterId);
});

test("deriveClusterId() overwrites the measurement secret where the measurement salt is refused", (context) => {
  const { seen } = watched(context, () =>
    assert.throws(() => deriveClusterId(master, salt, new Uint8Array(31)), coded("salt_length")),
  );
  assert.deepEqual(seen, [new Uint8Array(32)]);
});
