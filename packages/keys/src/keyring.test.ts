import assert from "node:assert/strict";
import { test } from "node:test";
import vectors from "../vectors.json" with { type: "json" };
import { KeysError, type KeysErrorCode } from "./errors.ts";
import { Keyring } from "./keyring.ts";
import { MasterSecret } from "./roles.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (data: Uint8Array) => Buffer.from(data).toString("hex");
const coded = (code: KeysErrorCode) => (error: unknown) => error instanceof KeysError && error.code === code;

function vectorKeyring(): Keyring {
  return new Keyring(
    vectors.generations.list.map(({ generation, masterSecret, salt }) => part(generation, masterSecret, salt)),
  );
}

function part(generation: number, master = "11".repeat(32), salt = "22".repeat(32)) {
  return { generation, master: new MasterSecret(bytes(master)), salt: bytes(salt) };
}

for (const vector of vectors.generations.list) {
  test(`Keyring gives the vector's keys of generation ${vector.generation}`, () => {
    const keyring = vectorKeyring();
    const { generation } = vector;
    const { volumeId, objectKekId } = vectors.generations;
    assert.equal(hex(keyring.stateDiskKey(vectors.stateDiskUuid, generation).reveal()), vector.stateDiskKey);
    assert.equal(hex(keyring.etcdSecretsKey(generation).reveal()), vector.etcdSecretsKey);
    assert.equal(hex(keyring.keyEncryptionKey(generation).reveal()), vector.keyEncryptionKey);
    const volume = { namespace: "volume", id: volumeId } as const;
    assert.equal(hex(keyring.dataKey(volume, 32, generation).reveal()), vector.volumeKey);
    const kek = { namespace: "object-kek", id: objectKekId } as const;
    assert.equal(hex(keyring.dataKey(kek, 32, generation).reveal()), vector.objectKek);
  });
}

test("Keyring.clusterId() is that of the first generation, whichever is current", () => {
  const keyring = vectorKeyring();
  assert.equal(keyring.current, 2);
  assert.equal(hex(keyring.clusterId(bytes(vectors.measurementSalt))), vectors.clusterId);
});

test("Keyring.get() takes 0 for the current generation", () => {
  assert.equal(vectorKeyring().get(0).generation, 2);
  assert.deepEqual(new Keyring([part(3), part(1)]).numbers, [1, 3]);
});

test("Keyring.get() tells a generation that is to come from one that was removed", () => {
  const keyring = new Keyring([part(1), part(3)]);
  assert.throws(() => keyring.get(4), coded("generation_unknown"));
  assert.throws(() => keyring.get(2), coded("generation_removed"));
  for (const number of [-1, 1.5, 256, Number.NaN]) assert.throws(() => keyring.get(number), coded("generation_number"));
});

test("Keyring refuses to be without its first generation, and what is there twice or out of shape", () => {
  assert.throws(() => new Keyring([]), coded("generation_missing"));
  assert.throws(() => new Keyring([part(2)]), coded("generation_missing"));
  assert.throws(() => new Keyring([part(1), part(2), part(2)]), coded("generation_number"));
  assert.throws(() => new Keyring([part(1), part(0)]), coded("generation_number"));
  assert.throws(() => new Keyring([part(1), part(2, undefined, "22")]), coded("salt_length"));
});

test("Keyring.wipe() overwrites the master secrets", () => {
  const keyring = vectorKeyring();
  keyring.wipe();
  for (const { master } of keyring.generations) assert.deepEqual(master.reveal(), new Uint8Array(32));
});
