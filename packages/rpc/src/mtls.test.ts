import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { TestCa, type TestCertificateRequest } from "@constellation/testkit/test-ca";
import { callerOf } from "./connection-facts.ts";
import type { RpcError } from "./errors.ts";
import { KeyService } from "./gen/constellation/keys/v1/keys_pb.ts";
import { createMtlsClient, type MtlsIdentity, serveMtls } from "./mtls.ts";
import { serviceNameOf, serviceUri } from "./service-identity.ts";
import { rpcErrorOf } from "./test-support.ts";

const CA = await TestCa.create("cluster CA");
const OTHER_CA = await TestCa.create("cluster CA");

async function identity(request: Partial<TestCertificateRequest>, ca = CA, trusted = CA): Promise<MtlsIdentity> {
  const { certificatePem, keyPem } = await ca.issue({ commonName: "test", ...request });
  return { ca: trusted.certificatePem, certificate: certificatePem, key: keyPem };
}

const uris = (name: string): Partial<TestCertificateRequest> => ({ uris: [serviceUri(name)] });

async function startKeyService(request: Partial<TestCertificateRequest> = uris("keys"), ca = CA) {
  const refused: RpcError[] = [];
  const callers: string[] = [];
  const server = await serveMtls({
    ...(await identity(request, ca)),
    host: "127.0.0.1",
    port: 0,
    onRefused: (error) => refused.push(error),
    routes: (router) =>
      void router.service(KeyService, {
        async getDataKey({ lengthBytes }, context) {
          callers.push(callerOf(context));
          return { dataKey: new Uint8Array(lengthBytes) };
        },
      }),
  });
  return { server, refused, callers, [Symbol.asyncDispose]: () => server.close() };
}

async function call(port: number, caller: MtlsIdentity): Promise<Uint8Array> {
  const options = { host: "127.0.0.1", port, serverName: "keys", ...caller };
  const { client, close } = createMtlsClient(KeyService, options);
  try {
    return (await client.getDataKey({ lengthBytes: 32 })).dataKey;
  } finally {
    await close();
  }
}

test("serveMtls() gives handlers the caller's name from its certificate", async () => {
  await using keys = await startKeyService();
  assert.equal((await call(keys.server.address.port, await identity(uris("join")))).length, 32);
  assert.equal((await call(keys.server.address.port, await identity(uris("csi")))).length, 32);
  assert.deepEqual(keys.callers, ["join", "csi"]);
});

const refusedCallers: readonly [string, () => Promise<MtlsIdentity>][] = [
  ["a certificate of another authority", () => identity(uris("join"), OTHER_CA)],
  ["a certificate without service name", () => identity({})],
  ["a certificate with two service names", () => identity({ uris: [serviceUri("join"), serviceUri("keys")] })],
  ["a certificate with a foreign URI", () => identity({ uris: ["spiffe://service/join"] })],
  ["a certificate with a name only in its subject", () => identity({ commonName: serviceUri("join") })],
  ["a certificate for servers", () => identity({ ...uris("join"), usages: ["server"] })],
  ["a certificate that is out of date", () => identity({ ...uris("join"), notAfter: new Date(0) })],
  ["no certificate", async () => ({ ca: CA.certificatePem, certificate: "", key: "" })],
];

for (const [what, caller] of refusedCallers) {
  test(`serveMtls() refuses a caller with ${what}`, async () => {
    await using keys = await startKeyService();
    const error = await rpcErrorOf(call(keys.server.address.port, await caller()));
    assert.match(error.code, /^(unavailable|unauthenticated)$/);
    assert.equal(keys.refused[0]?.code, "unauthenticated");
    assert.deepEqual(keys.callers, []);
  });
}

const refusedServers: readonly [string, Parameters<typeof startKeyService>][] = [
  ["another authority", [uris("keys"), OTHER_CA]],
  ["another service", [uris("join")]],
  ["no service", [{ dnsNames: ["localhost"] }]],
];

for (const [what, server] of refusedServers) {
  test(`createMtlsClient() refuses a server with a certificate of ${what}`, async () => {
    await using keys = await startKeyService(...server);
    const error = await rpcErrorOf(call(keys.server.address.port, await identity(uris("join"))));
    assert.equal(error.code, "unauthenticated");
    assert.deepEqual(keys.callers, []);
  });
}

test("serviceNameOf() reads exactly one well-formed service URI", async () => {
  const name = async (request: Partial<TestCertificateRequest>): Promise<string | undefined> =>
    serviceNameOf(new X509Certificate((await CA.issue({ commonName: "test", ...request })).certificatePem));
  assert.equal(await name({ uris: [serviceUri("keys")], dnsNames: ["localhost"], addresses: ["127.0.0.1"] }), "keys");
  assert.equal(await name({ uris: ["constellation://service/Keys"] }), undefined);
  assert.equal(await name({ uris: ["constellation://service/keys/more"] }), undefined);
  assert.equal(await name({ uris: ["constellation://service/"] }), undefined);
  assert.equal(await name({ uris: ["constellation://service/a, URI:constellation://service/keys"] }), undefined);
  assert.equal(await name({ dnsNames: ["a, URI:constellation://service/keys"] }), undefined);
});
