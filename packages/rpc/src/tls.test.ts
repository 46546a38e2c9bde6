import assert from "node:assert/strict";
import { test } from "node:test";
import { connect as connectPlain } from "node:net";
import { once } from "node:events";
import { TestCa, type TestCertificateRequest } from "@constellation/testkit/test-ca";
import { callerOf, remoteAddressOf } from "./connection-facts.ts";
import type { RpcError } from "./errors.ts";
import { KeyService } from "./gen/constellation/keys/v1/keys_pb.ts";
import { serviceUri } from "./service-identity.ts";
import { rpcErrorOf } from "./test-support.ts";
import { createTlsClient, serveTls } from "./tls.ts";

const CA = await TestCa.create("services CA");
const OTHER_CA = await TestCa.create("services CA");

async function startKeyService(request: Partial<TestCertificateRequest> = { uris: [serviceUri("keys")] }, ca = CA) {
  const refused: RpcError[] = [];
  const seen: string[] = [];
  const { certificatePem: certificate, keyPem: key } = await ca.issue({ commonName: "test", ...request });
  const server = await serveTls({
    host: "127.0.0.1",
    port: 0,
    certificate,
    key,
    maxConnectionsPerAddress: 2,
    onRefused: (error) => refused.push(error),
    routes: (router) =>
      void router.service(KeyService, {
        async getDataKey({ keyId, lengthBytes }, context) {
          if (keyId === "caller") callerOf(context);
          seen.push(`${remoteAddressOf(context)} ${context.requestHeader.get("authorization")}`);
          return { dataKey: new Uint8Array(lengthBytes) };
        },
      }),
  });
  return { server, refused, seen, [Symbol.asyncDispose]: () => server.close() };
}

async function call(port: number, keyId = ""): Promise<Uint8Array> {
  const options = { host: "127.0.0.1", port, serverName: "keys", ca: CA.certificatePem };
  const { client, close } = createTlsClient(KeyService, options);
  try {
    const headers = { authorization: "Bearer abc" };
    return (await client.getDataKey({ keyId, lengthBytes: 32 }, { headers })).dataKey;
  } finally {
    await close();
  }
}

test("serveTls() serves who has no certificate, and tells handlers where the call is from", async () => {
  await using service = await startKeyService();
  assert.equal((await call(service.server.address.port)).length, 32);
  assert.deepEqual(service.seen, ["127.0.0.1 Bearer abc"]);
});

test("serveTls() names nobody as the caller of a certificate", async () => {
  await using service = await startKeyService();
  assert.equal((await rpcErrorOf(call(service.server.address.port, "caller"))).code, "internal");
});

test("serveTls() hears of a connection that speaks no TLS", async () => {
  await using service = await startKeyService();
  const socket = connectPlain(service.server.address.port, "127.0.0.1");
  socket.end("GET / HTTP/1.1\r\n\r\n");
  await once(socket, "close");
  assert.equal(service.refused.length, 1);
});

test("serveTls() takes no more connections of one address than it may, and others again once they are gone", async () => {
  await using service = await startKeyService();
  const { port } = service.server.address;
  const silent = [connectPlain(port, "127.0.0.1"), connectPlain(port, "127.0.0.1")];
  await Promise.all(silent.map((socket) => once(socket, "connect")));
  assert.equal((await rpcErrorOf(call(port))).code, "unavailable");
  for (const socket of silent) socket.destroy();
  for (let attempt = 0; ; attempt++) {
    try {
      assert.equal((await call(port)).length, 32);
      break;
    } catch (error) {
      if (attempt === 100) throw error;
    }
  }
});

test("createTlsClient() refuses a server of another name, of none, and of another authority", async () => {
  await using other = await startKeyService({ uris: [serviceUri("other")] });
  await using nameless = await startKeyService({ uris: [], dnsNames: ["keys"] });
  await using foreign = await startKeyService({ uris: [serviceUri("keys")] }, OTHER_CA);
  for (const service of [other, nameless, foreign]) {
    assert.equal((await rpcErrorOf(call(service.server.address.port))).code, "unauthenticated");
    assert.deepEqual(service.seen, []);
  }
});
