import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createLog } from "@constellation/pod";
import { KeyService, serveTls, serviceUri } from "@constellation/rpc";
import { TestCa } from "@constellation/testkit/test-ca";
import { startService } from "./service.ts";
import { send } from "./testing/client.ts";
import { FakeStore } from "./testing/fake-store.ts";
import { CLIENT, OWNER, REGION } from "./testing/proxy.ts";

/** The service with all its files, before a key service and a store that keep what they were asked. */
async function setUp(context: TestContext, serverName: string) {
  const folder = await mkdtemp(join(tmpdir(), "s3proxy-service-"));
  const ca = await TestCa.create("services");
  const issued = await ca.issue({ commonName: serverName, uris: [serviceUri(serverName)] });
  const asked: unknown[] = [];
  const keyService = await serveTls({
    host: "127.0.0.1",
    port: 0,
    certificate: issued.certificatePem,
    key: issued.keyPem,
    maxConnectionsPerAddress: 8,
    routes: (router) =>
      void router.service(KeyService, {
        getDataKey: ({ keyId, lengthBytes, generation }, { requestHeader }) => {
          asked.push([keyId, lengthBytes, generation, requestHeader.get("authorization")]);
          return { dataKey: new Uint8Array(lengthBytes).fill(7), generation: 3 };
        },
      }),
  });
  const store = await FakeStore.start();
  const files = {
    "ca.crt": ca.certificatePem,
    token: "projected-token\n",
    "clients.json": JSON.stringify({ clients: [CLIENT] }),
    "store.json": JSON.stringify(OWNER),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
  const flags = {
    host: "127.0.0.1",
    port: 0,
    "health-host": "127.0.0.1",
    "health-port": 0,
    domain: "",
    tls: "none",
    region: REGION,
    clients: join(folder, "clients.json"),
    "store-endpoint": store.endpoint.origin,
    "store-region": REGION,
    "store-credentials": join(folder, "store.json"),
    "store-ca": "",
    "key-service": `127.0.0.1:${keyService.address.port}`,
    "services-ca": join(folder, "ca.crt"),
    "key-service-token": join(folder, "token"),
    "allow-plaintext-reads": "false",
  };
  const service = await startService(flags, createLog({ write: () => {}, now: () => new Date() }));
  context.after(async () => {
    await service.close();
    await store.close();
    await keyService.close();
    await rm(folder, { recursive: true });
  });
  return { asked, store, endpoint: `http://127.0.0.1:${service.address.port}` };
}

test("startService() gets its KEK by the pod's token, and writes its generation with each object", async (context) => {
  const { asked, store, endpoint } = await setUp(context, "key-service");
  assert.equal((await send(endpoint, "/bucket/key", { method: "PUT", body: "content" })).status, 200);
  assert.equal((await send(endpoint, "/bucket/key")).body.toString(), "content");
  assert.deepEqual(asked, [["object-kek/v1", 32, 0, "Bearer projected-token"]]);
  const header = store.object("bucket/key").headers["x-amz-meta-constellation-s3proxy"] ?? "";
  assert.equal(Buffer.from(header, "base64").readUInt16BE(2), 3);
});

test("startService() shows its token to no other service, and writes nothing without a KEK", async (context) => {
  const { asked, store, endpoint } = await setUp(context, "join-service");
  const { status, code } = await send(endpoint, "/bucket/key", { method: "PUT", body: "content" });
  assert.deepEqual([status, code], [500, "InternalError"]);
  assert.deepEqual(asked, []);
  assert.equal(store.objects.size, 0);
});
