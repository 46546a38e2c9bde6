/** The key service of a cluster whose root key is in a real KMS (PyKMIP), which goes away and comes back. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { utf8 } from "@constellation/bytes";
import { deriveClusterId, deriveStateDiskKey, MasterSecret } from "@constellation/keys";
import { clusterKmsDependencies, openClusterKms } from "@constellation/kms";
import { wrapRootKey } from "@constellation/kms/root";
import { PyKmip } from "@constellation/kms/testing";
import { createMtlsClient, fromConnectError, KeyService, type MtlsIdentity, RpcError } from "@constellation/rpc";
import { startBundle, bundleService } from "@constellation/testkit/bundle";
import type { Program } from "@constellation/testkit/program";
import { freePorts } from "@constellation/testkit/program";
import { TestCa } from "@constellation/testkit/test-ca";
import { fileURLToPath } from "node:url";

const { signal } = new AbortController();
const UUID = "5c7c9a1e-0000-8000-8000-0123456789ab";
const MASTER = new Uint8Array(randomBytes(32));
const SALT = new Uint8Array(32).fill(2);
const MEASUREMENT_SALT = new Uint8Array(32).fill(3);
const CLUSTER_ID = deriveClusterId(new MasterSecret(MASTER), SALT, MEASUREMENT_SALT);
const KEEP_SECONDS = 2;
const PATIENCE = { attemptMs: 120_000, totalMs: 240_000 };

let directory: string;
let pykmip: PyKmip;
let caller: MtlsIdentity;
let service: Program;
let port: number;
let healthPort: number;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "key-service-kms-"));
  pykmip = await PyKmip.start();
  await mountRoot();
  await writePki();
  const bundle = join(directory, "key-service.mjs");
  await bundleService(fileURLToPath(new URL("main.ts", import.meta.url)), bundle);
  [port = 0, healthPort = 0] = await freePorts(2);
  const flags = {
    port: String(port),
    "pod-host": "127.0.0.1",
    "pod-port": "0",
    "health-port": String(healthPort),
    pki: join(directory, "pki"),
    secret: join(directory, "secret"),
    kms: join(directory, "kms"),
    "keep-root-seconds": String(KEEP_SECONDS),
  };
  ({ program: service } = await startBundle("key-service", bundle, directory, flags));
});
after(async () => {
  await service?.stop();
  await pykmip?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** What init leaves as Kubernetes secrets. */
async function mountRoot(): Promise<void> {
  const { uri, credentials } = await pykmip.forCluster("kek");
  const opened = await openClusterKms({ kms: uri, storage: "", credentials }, clusterKmsDependencies(PATIENCE), signal);
  await opened.kms.createKey?.(signal);
  const root = { generation: 1, salt: SALT, master: new MasterSecret(MASTER) };
  const { envelope } = await wrapRootKey(opened, CLUSTER_ID, root, signal);
  await write("secret", { "mastersecret.wrapped": envelope, salt: SALT });
  const files = [...credentials].map(([name, secret]) => [`credentials.${name}`, secret.reveal()] as const);
  await write("kms", {
    kms: utf8(uri),
    storage: utf8(""),
    clusterid: CLUSTER_ID,
    measurementsalt: MEASUREMENT_SALT,
    ...Object.fromEntries(files),
  });
}

async function writePki(): Promise<void> {
  const ca = await TestCa.create("constellation-services");
  const issue = (name: string) =>
    ca.issue({ commonName: name, addresses: ["127.0.0.1"], uris: [`constellation://service/${name}`] });
  const [own, client] = await Promise.all([issue("key-service"), issue("join-service")]);
  await write("pki", {
    "ca.crt": utf8(ca.certificatePem),
    "key-service.crt": utf8(own.certificatePem),
    "key-service.key": utf8(own.keyPem),
  });
  caller = { ca: ca.certificatePem, certificate: client.certificatePem, key: client.keyPem };
}

async function write(folder: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  await mkdir(join(directory, folder), { recursive: true });
  for (const [name, data] of Object.entries(files)) {
    await writeFile(join(directory, folder, name), data, { mode: 0o600 });
  }
}

async function diskKey(): Promise<Uint8Array> {
  const rpc = createMtlsClient(KeyService, {
    ...caller,
    host: "127.0.0.1",
    port,
    serverName: "key-service",
    timeoutMs: 30_000,
  });
  try {
    return (await rpc.client.getDataKey({ keyId: `state-disk/${UUID}`, lengthBytes: 32 })).dataKey;
  } catch (error) {
    throw fromConnectError(error);
  } finally {
    await rpc.close();
  }
}

async function readiness(): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${healthPort}/readyz`);
  return `${answer.status} ${await answer.text()}`;
}

test("the key service opens its root by PyKMIP, does without it for a while, says that it is away, and recovers", async () => {
  const wanted = deriveStateDiskKey(new MasterSecret(MASTER), SALT, UUID).reveal();
  assert.deepEqual(await diskKey(), wanted);
  assert.equal(await readiness(), "200 ");

  await pykmip.halt();
  await wait(KEEP_SECONDS * 1_000 + 500);
  await assert.rejects(diskKey(), (error: unknown) => {
    assert.ok(error instanceof RpcError);
    assert.deepEqual([error.code, error.remoteCode], ["unavailable", "master_secret_unavailable"]);
    assert.match(error.message, /Open master secret by kms:\/\/kmip at 127\.0\.0\.1:\d+ failed/);
    return true;
  });
  assert.equal(await readiness(), "503 master_secret_unavailable: kms_unreachable");

  await pykmip.resume();
  await service.ready(async () => assert.deepEqual(await diskKey(), wanted), 60_000);
  assert.equal(await readiness(), "200 ");

  const output = await service.output();
  const lines = output
    .split("\n")
    .flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Record<string, unknown>]));
  const outcomes = lines.filter(({ event }) => event === "root-unwrap").map(({ outcome }) => outcome);
  assert.equal(outcomes[0], "opened");
  assert.ok(outcomes.includes("failed") && outcomes.at(-1) === "opened", outcomes.join());
  for (const form of ["hex", "base64"] as const) assert.ok(!output.includes(Buffer.from(MASTER).toString(form)));
  assert.ok(!output.includes("PRIVATE KEY"));
});
