import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { deriveDataKey, deriveEtcdSecretsKey, deriveStateDiskKey, MasterSecret } from "@constellation/keys";
import type { TokenReviewStatus } from "@constellation/kube/in-cluster";
import { createLog } from "@constellation/pod";
import {
  createMtlsClient,
  createTlsClient,
  fromConnectError,
  KeyService,
  type MtlsIdentity,
  RpcError,
} from "@constellation/rpc";
import { TestCa, type TestCertificateRequest } from "@constellation/testkit/test-ca";
import { type RunningKeyService, startKeyService } from "./server.ts";

const UUID = "5c7c9a1e-0000-8000-8000-0123456789ab";
const master = Uint8Array.from({ length: 32 }, (_, index) => index);
const salt = Uint8Array.from({ length: 32 }, (_, index) => 255 - index);

let directory: string;
let secretDirectory: string;
let ca: TestCa;
let service: RunningKeyService;
const lines: string[] = [];
/** What the API server says of tokens. */
const reviews = new Map<string, TokenReviewStatus>();
let nowMs = 0;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "key-service-"));
  secretDirectory = join(directory, "secret");
  ca = await TestCa.create("constellation-services");
  await mountSecret("v1", { mastersecret: master, salt });
  const { certificatePem, keyPem } = await ca.issue(serviceCertificate("key-service"));
  const files = { "ca.crt": ca.certificatePem, "key-service.crt": certificatePem, "key-service.key": keyPem };
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  const log = createLog({ write: (line) => lines.push(line), now: () => new Date(0) });
  const listen = { host: "127.0.0.1", port: 0 };
  service = await startKeyService(
    { services: listen, pods: listen, healthPort: 0, pkiDirectory: directory, secretDirectory },
    {
      log,
      review: async (token) => reviews.get(token) ?? { authenticated: false },
      now: () => new Date(0),
      monotonicMs: () => nowMs,
    },
  );
});
after(async () => {
  await service?.close();
  await rm(directory, { recursive: true });
});

test("key service gives the join service a disk key and audits it without the key", async () => {
  const key = await request(await identity("join-service"), `state-disk/${UUID}`);
  assert.deepEqual(key, deriveStateDiskKey(new MasterSecret(master), salt, UUID).reveal());
  assert.deepEqual(lastLine(), {
    time: "1970-01-01T00:00:00.000Z",
    event: "key-request",
    outcome: "granted",
    caller: "join-service",
    keyId: `state-disk/${UUID}`,
    lengthBytes: 32,
    generation: 1,
  });
  for (const form of ["hex", "base64"] as const) assert.ok(!lines.join("").includes(Buffer.from(key).toString(form)));
});

test("key service gives a node agent the key for secrets in etcd, and says its generation", async () => {
  const agent = await identity("node-agent");
  const wanted = deriveEtcdSecretsKey(new MasterSecret(master), salt).reveal();
  for (const generation of [0, 1]) {
    assert.deepEqual(await request(agent, "etcd-secrets/kubernetes", generation), wanted);
    assert.equal(lastLine()["generation"], 1);
  }
});

test("key service refuses a caller what is of another's namespace, and audits it", async () => {
  await rejects(request(await identity("csi"), `state-disk/${UUID}`), "permission-denied", "namespace_forbidden");
  const { outcome, code, caller, keyId } = lastLine();
  assert.deepEqual([outcome, code, caller, keyId], ["refused", "namespace_forbidden", "csi", `state-disk/${UUID}`]);
});

test("key service refuses a service that is in no table", async () => {
  await rejects(request(await identity("operator"), "volume/x"), "permission-denied", "caller_unknown");
});

test("key service refuses a key ID with tricks", async () => {
  await rejects(request(await identity("csi"), "volume/../x"), "invalid-argument", "key_id_invalid");
});

test("key service refuses an oversized request", async () => {
  await rejects(request(await identity("csi"), `volume/${"a".repeat(10_000)}`), "resource-exhausted");
});

const strangers: [string, Partial<TestCertificateRequest>][] = [
  ["without a service URI", { uris: [] }],
  ["with two service URIs", { uris: ["constellation://service/csi", "constellation://service/join-service"] }],
  ["for servers only", { usages: ["server"] }],
  ["that has expired", { notAfter: new Date(Date.now() - 1_000) }],
];
for (const [what, change] of strangers) {
  test(`key service refuses a client certificate ${what}`, async () => {
    const issued = await ca.issue({ ...serviceCertificate("join-service"), ...change });
    const stranger = { ca: ca.certificatePem, certificate: issued.certificatePem, key: issued.keyPem };
    await refusesConnection(stranger);
  });
}

test("key service refuses a client certificate of another CA", async () => {
  const foreign = await TestCa.create("constellation-services");
  const { certificatePem, keyPem } = await foreign.issue(serviceCertificate("join-service"));
  const stranger = { ca: ca.certificatePem, certificate: certificatePem, key: keyPem };
  await refusesConnection(stranger);
});

test("key service reads a changed secret, and refuses while there is none", async () => {
  const join_ = await identity("join-service");
  const before = await request(join_, `state-disk/${UUID}`);
  await mountSecret("v2", { mastersecret: salt, salt: master });
  assert.notDeepEqual(await request(join_, `state-disk/${UUID}`), before);
  await mountSecret("v3", { mastersecret: salt.subarray(1), salt });
  await rejects(request(join_, `state-disk/${UUID}`), "unavailable", "master_secret_unavailable");
  await mountSecret("v4", { mastersecret: salt });
  await rejects(request(join_, `state-disk/${UUID}`), "unavailable", "master_secret_unavailable");
  await mountSecret("v5", { mastersecret: master, salt });
  assert.deepEqual(await request(join_, `state-disk/${UUID}`), before);
});

const second = { "mastersecret-2": salt, "salt-2": master };

test("key service gives the join service the generation it names, or the current one", async () => {
  const identityOfJoin = await identity("join-service");
  await mountSecret("v6", { mastersecret: master, salt, ...second });
  const keyId = `state-disk/${UUID}`;
  assert.deepEqual(
    await request(identityOfJoin, keyId, 1),
    deriveStateDiskKey(new MasterSecret(master), salt, UUID).reveal(),
  );
  assert.deepEqual(
    await request(identityOfJoin, keyId),
    deriveStateDiskKey(new MasterSecret(salt), master, UUID).reveal(),
  );
  assert.equal(lastLine()["generation"], 2);
  await rejects(request(identityOfJoin, keyId, 3), "unavailable", "generation_unknown");
  await rejects(request(identityOfJoin, keyId, 256), "invalid-argument", "generation_invalid");
});

test("key service has no key of a generation that was removed", async () => {
  const empty = new Uint8Array();
  const third = { "mastersecret-3": salt, "salt-3": master };
  await mountSecret("v7", { mastersecret: master, salt, "mastersecret-2": empty, "salt-2": empty, ...third });
  await rejects(request(await identity("join-service"), `state-disk/${UUID}`, 2), "not-found", "generation_removed");
  await mountSecret("v8", { mastersecret: master, salt });
});

test("key service gives a csi pod a volume key and audits pod, node and generation without key and token", async () => {
  const token = tokenOf("csi", "csi-a");
  const { dataKey, generation } = await podRequest(token, "volume/x");
  assert.deepEqual(dataKey, deriveDataKey(new MasterSecret(master), salt, "volume", "x", 32).reveal());
  assert.equal(generation, 1);
  assert.deepEqual(lastLine(), {
    time: "1970-01-01T00:00:00.000Z",
    event: "key-request",
    outcome: "granted",
    caller: "csi",
    pod: "csi-a",
    podUid: "uid-csi-a",
    node: "worker-0",
    remote: "127.0.0.1",
    keyId: "volume/x",
    lengthBytes: 32,
    generation: 1,
  });
  assert.ok(!lines.join("").includes(token));
  assert.ok(!lines.join("").includes(Buffer.from(dataKey).toString("base64")));
});

test("key service gives a pod nothing of another's namespace, and audits whose it is", async () => {
  await rejects(podRequest(tokenOf("s3proxy"), "volume/x"), "permission-denied", "namespace_forbidden");
  await rejects(podRequest(tokenOf("csi"), `state-disk/${UUID}`), "permission-denied", "namespace_forbidden");
  await rejects(podRequest(tokenOf("csi"), "object-kek/v1"), "permission-denied", "namespace_forbidden");
  const { code, caller, node } = lastLine();
  assert.deepEqual([code, caller, node], ["namespace_forbidden", "csi", "worker-0"]);
});

test("key service gives a pod nothing without a token, with a wrong one, or with the certificate of a service", async () => {
  await rejects(podRequest(undefined, "volume/x"), "unauthenticated", "token_missing");
  await rejects(podRequest("e30.e30.e30", "volume/x"), "unauthenticated", "token_malformed");
  await rejects(podRequest(jwt("nobody"), "volume/x"), "unauthenticated", "token_refused");
  const { caller, code, remote } = lastLine();
  assert.deepEqual([caller, code, remote], [undefined, "token_refused", "127.0.0.1"]);
  await rejects(podRequest(tokenOf("join-service"), `state-disk/${UUID}`), "permission-denied", "caller_unknown");
});

test("key service gives one caller on one node no more than its share, and others theirs", async () => {
  nowMs += 60_000;
  const token = tokenOf("csi", "csi-b", "worker-1");
  for (let count = 0; count < 200; count++) await podRequest(token, "volume/x");
  await rejects(podRequest(token, "volume/x"), "resource-exhausted", "too_many_requests");
  assert.deepEqual([lastLine()["caller"], lastLine()["node"]], ["csi", "worker-1"]);
  await podRequest(tokenOf("csi", "csi-c", "worker-2"), "volume/x");
  nowMs += 1_000;
  for (let count = 0; count < 20; count++) await podRequest(token, "volume/x");
  await rejects(podRequest(token, "volume/x"), "resource-exhausted", "too_many_requests");
});

test("key service shows its requests at /metrics", async () => {
  const text = await (await fetch(`http://127.0.0.1:${service.healthAddress.port}/metrics`)).text();
  assert.match(text, /^constellation_key_requests_total\{caller="csi",outcome="granted"\} [1-9]\d*$/m);
  assert.match(text, /^constellation_key_requests_total\{caller="unknown",outcome="token_refused"\} 1$/m);
  assert.match(text, /^constellation_key_request_duration_seconds_count\{caller="join-service"\} [1-9]\d*$/m);
  assert.ok(!text.includes("volume/"));
});

/** A token as the API server would make it, and its review. */
function tokenOf(account: string, pod = `${account}-0`, node = "worker-0"): string {
  const token = jwt(`${account} ${pod} ${node}`);
  const name = "authentication.kubernetes.io";
  const extra = { [`${name}/pod-name`]: [pod], [`${name}/pod-uid`]: [`uid-${pod}`], [`${name}/node-name`]: [node] };
  const user = { username: `system:serviceaccount:kube-system:${account}`, extra };
  reviews.set(token, { authenticated: true, audiences: ["key-service.constellation.internal"], user });
  return token;
}

function jwt(sub: string): string {
  return ["{}", JSON.stringify({ sub, exp: 3600 }), "x"]
    .map((part) => Buffer.from(part).toString("base64url"))
    .join(".");
}

async function podRequest(
  token: string | undefined,
  keyId: string,
): Promise<{ dataKey: Uint8Array; generation: number }> {
  const { port } = service.podAddress;
  const options = { host: "127.0.0.1", port, ca: ca.certificatePem, serverName: "key-service", timeoutMs: 10_000 };
  const rpc = createTlsClient(KeyService, options);
  try {
    const headers = token === undefined ? undefined : { authorization: `Bearer ${token}` };
    return await rpc.client.getDataKey({ keyId, lengthBytes: 32 }, headers && { headers });
  } catch (error) {
    throw fromConnectError(error);
  } finally {
    await rpc.close();
  }
}

/** Turns the link `..data`, as the kubelet does. */
async function mountSecret(version: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  await mkdir(join(secretDirectory, version), { recursive: true });
  for (const [name, data] of Object.entries(files)) await writeFile(join(secretDirectory, version, name), data);
  await unlink(join(secretDirectory, "..data")).catch(() => undefined);
  await symlink(version, join(secretDirectory, "..data"));
}

function serviceCertificate(name: string): TestCertificateRequest {
  return { commonName: name, addresses: ["127.0.0.1"], uris: [`constellation://service/${name}`] };
}

async function identity(name: string): Promise<MtlsIdentity> {
  const { certificatePem, keyPem } = await ca.issue(serviceCertificate(name));
  return { ca: ca.certificatePem, certificate: certificatePem, key: keyPem };
}

async function request(caller: MtlsIdentity, keyId: string, generation = 0): Promise<Uint8Array> {
  const { port } = service.address;
  const options = { ...caller, host: "127.0.0.1", port, serverName: "key-service", timeoutMs: 10_000 };
  const rpc = createMtlsClient(KeyService, options);
  try {
    return (await rpc.client.getDataKey({ keyId, lengthBytes: 32, generation })).dataKey;
  } catch (error) {
    throw fromConnectError(error);
  } finally {
    await rpc.close();
  }
}

/** In TLS 1.3 a client hears of its refusal when it already talks: how its call fails depends on what arrives first. */
async function refusesConnection(stranger: MtlsIdentity): Promise<void> {
  const before = lines.length;
  await assert.rejects(request(stranger, `state-disk/${UUID}`), RpcError);
  assert.deepEqual(
    lines.slice(before).map((line) => JSON.parse(line).event),
    ["connection-refused"],
  );
}

async function rejects(call: Promise<unknown>, code: string, remoteCode?: string): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof RpcError);
    assert.deepEqual([error.code, error.remoteCode], [code, remoteCode]);
    return true;
  });
}

function lastLine(): Record<string, unknown> {
  return JSON.parse(lines.at(-1) ?? "{}");
}
