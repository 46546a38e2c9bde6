import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { KeysError } from "./errors.ts";
import { DataKey, DiskKey, EtcdSecretsKey, MasterSecret } from "./roles.ts";
import { Secret } from "./secret.ts";

const bytes = Uint8Array.from({ length: 32 }, (_, index) => index + 1);

for (const make of [Secret, MasterSecret, DiskKey, EtcdSecretsKey, DataKey]) {
  test(`${make.name} prints as [secret] in every way`, () => {
    const secret = new make(bytes);
    assert.equal(["key: ", secret].join(""), "key: [secret]");
    assert.equal(String(secret), "[secret]");
    assert.equal(secret.toString(), "[secret]");
    assert.equal(JSON.stringify({ secret }), '{"secret":"[secret]"}');
    assert.equal(inspect({ secret }, { showHidden: true, depth: 9 }), "{ secret: [secret] }");
    assert.equal(inspect(new Error("x", { cause: secret })).includes("Uint8Array"), false);
    assert.equal(
      Object.values(secret).some((value) => value instanceof Uint8Array),
      false,
    );
  });
}

test("Secret.reveal() gives the bytes, which are a copy of the caller's", () => {
  const own = Uint8Array.from(bytes);
  const secret = new Secret(own);
  own.fill(0);
  assert.deepEqual(secret.reveal(), bytes);
});

test("Secret.equals() compares contents and lengths", () => {
  assert.ok(new Secret(bytes).equals(new Secret(bytes)));
  assert.ok(!new Secret(bytes).equals(new Secret(bytes.subarray(1))));
  assert.ok(!new Secret(bytes).equals(new Secret(bytes.map((value) => value ^ 1))));
});

test("Secret.wipe() overwrites the bytes", () => {
  const secret = new Secret(bytes);
  secret.wipe();
  assert.deepEqual(secret.reveal(), new Uint8Array(32));
});

for (const make of [MasterSecret, DiskKey, EtcdSecretsKey]) {
  test(`${make.name} refuses other lengths than 32 bytes`, () => {
    for (const length of [0, 31, 33]) {
      assert.throws(
        () => new make(new Uint8Array(length)),
        (error: unknown) => error instanceof KeysError && error.code === "secret_length",
      );
    }
  });
}
