import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { KeyService, RpcError, type RpcServer, serveMtls } from "@constellation/rpc";
import { TestCa } from "@constellation/testkit/test-ca";
import { JoinError } from "./errors.ts";
import { type KeySource, keyServiceKeys } from "./key-service.ts";

const signal = new AbortController().signal;

describe("keyServiceKeys()", () => {
  let directory: string;
  let server: RpcServer;
  let keys: KeySource;
  let generations: ReadonlySet<number>;
  let asked: string[];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "join-keys-"));
    const ca = await TestCa.create("constellation-services");
    const issue = (name: string) =>
      ca.issue({ commonName: name, addresses: ["127.0.0.1"], uris: [`constellation://service/${name}`] });
    const [own, service] = [await issue("join-service"), await issue("key-service")];
    const files = {
      "ca.crt": ca.certificatePem,
      "join-service.crt": own.certificatePem,
      "join-service.key": own.keyPem,
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
    server = await serveMtls({
      ca: ca.certificatePem,
      certificate: service.certificatePem,
      key: service.keyPem,
      host: "127.0.0.1",
      port: 0,
      routes: (router) =>
        router.service(KeyService, {
          getDataKey(request) {
            asked.push(`${request.keyId} ${request.lengthBytes} ${request.generation}`);
            const generation = request.generation || Math.max(...generations);
            if (!generations.has(generation)) throw new RpcError("not-found", "no such generation");
            return { dataKey: new Uint8Array(32).fill(generation), generation };
          },
        }),
    });
    keys = keyServiceKeys({ host: "127.0.0.1", port: server.address.port }, directory);
  });
  beforeEach(() => {
    generations = new Set([1, 2, 3]);
    asked = [];
  });
  after(async () => {
    await server.close();
    await rm(directory, { recursive: true });
  });

  test("gives the keys for secrets in etcd of all generations, oldest first", async () => {
    const got = await keys.etcdKeys(signal);
    assert.deepEqual(
      got.map(({ generation, key }) => [generation, key.reveal()[0]]),
      [
        [1, 1],
        [2, 2],
        [3, 3],
      ],
    );
    assert.deepEqual(asked, [
      "etcd-secrets/kubernetes 32 0",
      "etcd-secrets/kubernetes 32 2",
      "etcd-secrets/kubernetes 32 1",
    ]);
  });

  test("goes on without a generation that was dropped", async () => {
    generations = new Set([2, 3]);
    assert.deepEqual(
      (await keys.etcdKeys(signal)).map(({ generation }) => generation),
      [2, 3],
    );
  });

  test("has no keys where there is no current generation", async () => {
    generations = new Set();
    await assert.rejects(keys.etcdKeys(signal), (error: unknown) => {
      assert.ok(error instanceof JoinError);
      assert.equal(error.code, "key_service_unavailable");
      return true;
    });
  });

  test("gives the key of a disk", async () => {
    const disk = "5c7c9a1e-0000-8000-8000-0123456789ab";
    const { key, generation } = await keys.diskKey(disk, 1, signal);
    assert.deepEqual([key.lengthBytes, generation], [32, 1]);
    assert.deepEqual(asked, [`state-disk/${disk} 32 1`]);
  });
});
