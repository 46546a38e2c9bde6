import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { callerOf, type GetDataKeyRequest, KeyService, RpcError, serveMtls } from "@constellation/rpc";
import { writeServicePki } from "../pki/service-pki.ts";
import { keyServiceEtcdKeys } from "./key-service.ts";

const signal = new AbortController().signal;
const now = (): Date => new Date();
const SERVICE_CIDR = "10.96.0.0/12";

describe("keyServiceEtcdKeys()", () => {
  let directory: string;
  let close: () => Promise<void>;
  let port: number;
  const asked: { caller: string; request: GetDataKeyRequest }[] = [];
  let generations: ReadonlySet<number>;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "constellation-key-service-"));
    await writeServicePki(join(directory, "pki"), SERVICE_CIDR, now());
    await writeServicePki(join(directory, "other"), SERVICE_CIDR, now());
    const read = (name: string): Promise<string> => readFile(join(directory, "pki", name), "utf8");
    const server = await serveMtls({
      ca: await read("ca.crt"),
      certificate: await read("key-service.crt"),
      key: await read("key-service.key"),
      host: "127.0.0.1",
      port: 0,
      routes: (router) =>
        router.service(KeyService, {
          getDataKey(request, context) {
            asked.push({ caller: callerOf(context), request });
            const generation = request.generation || Math.max(...generations);
            if (!generations.has(generation)) throw new RpcError("not-found", "no such generation");
            return { dataKey: new Uint8Array(32).fill(generation), generation };
          },
        }),
    });
    ({ close } = server);
    port = server.address.port;
  });
  beforeEach(() => {
    asked.length = 0;
    generations = new Set([1, 2]);
  });
  after(async () => {
    await close();
    rmSync(directory, { recursive: true });
  });

  const source = (pki: string) =>
    keyServiceEtcdKeys({ host: "127.0.0.1", port, pkiDirectory: join(directory, pki) }, now);

  test("gets the keys of all generations, as the node's agent", async () => {
    const keys = await source("pki")(signal);
    assert.deepEqual(
      keys.map(({ generation, key }) => [generation, key.reveal()[0]]),
      [
        [1, 1],
        [2, 2],
      ],
    );
    assert.deepEqual(new Set(asked.map(({ caller }) => caller)), new Set(["node-agent"]));
    assert.deepEqual(
      asked.map(({ request }) => [request.keyId, request.lengthBytes, request.generation]),
      [
        ["etcd-secrets/kubernetes", 32, 0],
        ["etcd-secrets/kubernetes", 32, 1],
      ],
    );
  });

  test("goes on without a generation that was dropped", async () => {
    generations = new Set([2]);
    assert.deepEqual(
      (await source("pki")(signal)).map(({ generation }) => generation),
      [2],
    );
  });

  test("takes a key service without a current generation for one that fails", async () => {
    generations = new Set();
    await assert.rejects(source("pki")(signal), { code: "not-found" });
  });

  test("takes no keys from a service of another authority, and shows it no key ID", async () => {
    await assert.rejects(source("other")(signal), RpcError);
    assert.deepEqual(asked, []);
  });
});
