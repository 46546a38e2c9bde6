import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type EtcdKey, EtcdSecretsKey } from "@constellation/keys";
import { createUnixClient, fromConnectError, type RpcClient, type RpcServer } from "@constellation/rpc";
import { KeyManagementService } from "@constellation/rpc/kms/v2";
import type { Log } from "../log/log.ts";
import { EtcdKeyring } from "./etcd-keyring.ts";
import { serveKmsPlugin } from "./plugin.ts";

const SEED = new Uint8Array(32).fill(0x5e);
const keyOf = (generation: number): EtcdKey => ({
  generation,
  key: new EtcdSecretsKey(new Uint8Array(32).fill(generation)),
});

describe("serveKmsPlugin()", () => {
  let directory: string;
  let path: string;
  let ring: EtcdKeyring;
  let server: RpcServer<string>;
  let rpc: RpcClient<typeof KeyManagementService>;
  const errors: unknown[] = [];
  const log: Log = { debug() {}, info() {}, warn() {}, error: (_, error) => errors.push(error) };

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "constellation-kms-"));
    path = join(directory, "kms", "kms.sock");
    ring = new EtcdKeyring(() => 0);
    ring.replace([keyOf(1), keyOf(2)], "at-once");
    server = await serveKmsPlugin(ring, path, log);
    rpc = createUnixClient(KeyManagementService, path);
    errors.length = 0;
  });
  afterEach(async () => {
    await rpc.close();
    await server.close();
    rmSync(directory, { recursive: true });
  });

  async function refuses(call: Promise<unknown>, code: string, remoteCode?: string, message = /./): Promise<void> {
    await assert.rejects(call, (error: unknown) => {
      const known = fromConnectError(error);
      assert.deepEqual([known.code, known.remoteCode], [code, remoteCode]);
      assert.match(known.message, message);
      return true;
    });
  }

  const wrapped = async (): Promise<{ ciphertext: Uint8Array; keyId: string }> => {
    const { ciphertext, keyId } = await rpc.client.encrypt({ plaintext: SEED.slice(), uid: "1" });
    return { ciphertext, keyId };
  };

  test("is for root alone", () => {
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(join(directory, "kms")).mode & 0o777, 0o700);
  });

  test("says its version, that it is well, and the key that it wraps with", async () => {
    const { version, healthz, keyId } = await rpc.client.status({});
    assert.deepEqual([version, healthz, keyId], ["v2", "ok", "etcd-secrets/2"]);
  });

  test("opens what it wrapped, also when another key is the current one by then", async () => {
    const first = await wrapped();
    assert.equal(first.keyId, "etcd-secrets/2");
    ring.replace([keyOf(1), keyOf(2), keyOf(3)], "at-once");
    assert.equal((await wrapped()).keyId, "etcd-secrets/3");
    assert.deepEqual((await rpc.client.decrypt(first)).plaintext, SEED);
  });

  test("says that it has no key, and wraps nothing without one", async () => {
    const before = await wrapped();
    ring.replace([], "at-once");
    assert.match((await rpc.client.status({})).healthz, /has no key yet/);
    await refuses(rpc.client.encrypt({ plaintext: SEED }), "unavailable", "kms_unavailable");
    await refuses(rpc.client.decrypt(before), "not-found", "kms_key", /wanted one of none/);
  });

  for (const keyId of ["", "etcd-secrets/3", "etcd-secrets/01", "etcd-secrets/2 ", "other/2", "x".repeat(1000)]) {
    test(`refuses the key ID ${JSON.stringify(keyId.slice(0, 20))} (${keyId.length} characters)`, async () => {
      const request = { ...(await wrapped()), keyId };
      await refuses(
        rpc.client.decrypt(request),
        "not-found",
        "kms_key",
        /got key ID ".{0,70}", wanted one of "etcd-secrets\/1", "etcd-secrets\/2"$/,
      );
      assert.equal(errors.length, 1);
    });
  }

  test("refuses a ciphertext of one key under the name of another", async () => {
    const { ciphertext } = await wrapped();
    await refuses(rpc.client.decrypt({ ciphertext, keyId: "etcd-secrets/1" }), "data-loss", "kms_ciphertext");
  });

  test("refuses annotations, which it never gave", async () => {
    const annotations = { "a.example.org": new Uint8Array(1) };
    await refuses(rpc.client.decrypt({ ...(await wrapped()), annotations }), "invalid-argument", "kms_request");
  });

  test("refuses what is too long to be a seed or a wrapped one, and does not read what is much longer", async () => {
    await refuses(rpc.client.encrypt({ plaintext: new Uint8Array(257) }), "invalid-argument", "kms_request");
    const ciphertext = new Uint8Array(1025).fill(1);
    await refuses(rpc.client.decrypt({ ciphertext, keyId: "etcd-secrets/1" }), "invalid-argument", "kms_request");
    await refuses(rpc.client.encrypt({ plaintext: new Uint8Array(5000) }), "resource-exhausted");
  });
});
