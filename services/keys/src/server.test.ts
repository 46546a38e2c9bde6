import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { deriveEtcdSecretsKey, deriveStateDiskKey, MasterSecret } from "@constellation/keys";
import { createLog } from "@constellation/pod";
import {
  createMtlsClient,
  fromConnectError,
  type GetDataKeyResponse,
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

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "key-service-"));
  secretDirectory = join(directory, "secret");
  ca = await TestCa.create("constellation-services");
  await mountSecret("v1", { mastersecret: master, salt });
  const { certificatePem, keyPem } = await ca.issue(serviceCertificate("key-service"));
  const files = { "ca.crt": ca.certificatePem, "key-service.crt": certificatePem, "key-service.key": keyPem };
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  const log = createLog({ write: (line) => lines.push(line), now: () => new Date(0) });
  service = await startKeyService(
    { host: "127.0.0.1", port: 0, healthPort: 0, pkiDirectory: directory, secretDirectory },
    log,
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
  });
  for (const form of ["hex", "base64"] as const) assert.ok(!lines.join("").includes(Buffer.from(key).toString(form)));
});

test("key service gives a node agent the key for secrets in etcd, and says its generation", async () => {
  const agent = await identity("node-agent");
  const wanted = deriveEtcdSecretsKey(new MasterSecret(master), salt).reveal();
  for (const generation of [0, 1]) {
    const answer = await requestOf(agent, { keyId: "etcd-secrets/kubernetes", lengthBytes: 32, generation });
    assert.deepEqual([answer.dataKey, answer.generation], [wanted, 1]);
  }
});

test("key service refuses a generation that there is not", async () => {
  const agent = await identity("node-agent");
  const call = requestOf(agent, { keyId: "etcd-secrets/kubernetes", lengthBytes: 32, generation: 2 });
  await rejects(call, "not-found", "generation_unknown");
  assert.equal(lastLine().outcome, "refused");
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

async function request(caller: MtlsIdentity, keyId: string): Promise<Uint8Array> {
  return (await requestOf(caller, { keyId, lengthBytes: 32 })).dataKey;
}

async function requestOf(
  caller: MtlsIdentity,
  wanted: { keyId: string; lengthBytes: number; generation?: number },
): Promise<GetDataKeyResponse> {
  const { port } = service.address;
  const options = { ...caller, host: "127.0.0.1", port, serverName: "key-service", timeoutMs: 10_000 };
  const rpc = createMtlsClient(KeyService, options);
  try {
    return await rpc.client.getDataKey(wanted);
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
