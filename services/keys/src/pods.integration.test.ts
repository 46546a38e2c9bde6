import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createKeyServiceClient, KeyClientError } from "@constellation/key-client";
import { deriveDataKey, MasterSecret } from "@constellation/keys";
import { KubeApiserver } from "@constellation/testkit/kube-apiserver";
import { Program } from "@constellation/testkit/program";
import { parseAllDocuments } from "yaml";
import { readFile } from "node:fs/promises";
import { TOKEN_AUDIENCE } from "./pod-caller.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const MANIFEST = fileURLToPath(new URL("../../../image/manifests/constellation.yaml", import.meta.url));
const master = new Uint8Array(32).fill(1);
const salt = new Uint8Array(32).fill(2);
const ACCOUNTS = ["csi", "s3proxy", "other"];

let api: KubeApiserver;
let directory: string;
let program: Program;
let port = 0;

before(async () => {
  api = await KubeApiserver.start();
  directory = await mkdtemp(join(tmpdir(), "key-service-pods-"));
  for (const account of ACCOUNTS) await api.createServiceAccount("kube-system", account);
  await api.createServiceAccount("default", "csi");
  await api.create("/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name: "worker-0" } });
  await applyOwnRights();
  await startProgram();
});
after(async () => {
  await program?.stop();
  await api?.stop();
  if (directory !== undefined) await rm(directory, { recursive: true });
});

test("the key service gives a pod of the csi account its volume key, and only with its projected token", async () => {
  const token = await podToken("kube-system", "csi", "csi-a");
  const { key, generation } = await ask(token, "volume/a");
  assert.deepEqual(key.reveal(), deriveDataKey(new MasterSecret(master), salt, "volume", "a", 32).reveal());
  assert.equal(generation, 1);
  const [line] = (await audit()).filter(({ outcome }) => outcome === "granted");
  assert.deepEqual([line?.["caller"], line?.["pod"], line?.["node"]], ["csi", "csi-a", "worker-0"]);
});

test("the key service gives a pod of the s3proxy account its own namespace and no other", async () => {
  const token = await podToken("kube-system", "s3proxy", "s3proxy-a");
  assert.equal((await ask(token, "object-kek/v1")).key.lengthBytes, 32);
  await refused(ask(token, "volume/a"), "namespace_forbidden");
});

const strangers: [string, () => Promise<string>, string][] = [
  ["for the API server", () => api.requestToken("kube-system", "csi"), "token_refused"],
  ["for another audience", () => podToken("kube-system", "csi", "csi-b", "other.internal"), "token_refused"],
  [
    "that is bound to no pod",
    () => api.requestToken("kube-system", "csi", { audiences: [TOKEN_AUDIENCE] }),
    "token_unbound",
  ],
  ["of another account", () => podToken("kube-system", "other", "other-a"), "caller_unknown"],
  ["of another namespace's account", () => podToken("default", "csi", "csi-a"), "caller_unknown"],
  ["that nobody signed", async () => forged(await podToken("kube-system", "csi", "csi-c")), "token_refused"],
];
for (const [what, token, code] of strangers) {
  test(`the key service gives nothing for a token ${what}`, async () => {
    await refused(ask(await token(), "volume/a"), code);
  });
}

test("the key service gives nothing for the token of a pod that is gone", async () => {
  const token = await podToken("kube-system", "csi", "csi-gone");
  const path = "/api/v1/namespaces/kube-system/pods/csi-gone?gracePeriodSeconds=0";
  assert.equal((await api.call("DELETE", path)).status, 200);
  await refused(ask(token, "volume/a"), "token_refused");
});

test("the key service's own account may review tokens and nothing else", async () => {
  const token = await api.requestToken("kube-system", "key-service");
  const { status } = await api.call("GET", "/api/v1/namespaces/kube-system/secrets", undefined, { token });
  assert.equal(status, 403);
});

test("the key service answers no pod it did not know before while the API server is away", async () => {
  const known = await podToken("kube-system", "csi", "csi-known");
  const unknown = await podToken("kube-system", "csi", "csi-unknown");
  await ask(known, "volume/a");
  await api.stopApiServer();
  assert.equal((await ask(known, "volume/a")).key.lengthBytes, 32);
  await assert.rejects(ask(unknown, "volume/a"), { code: "unavailable", remoteCode: "token_review_unavailable" });
});

function podToken(namespace: string, account: string, name: string, audience = TOKEN_AUDIENCE): Promise<string> {
  return api.createPodToken(namespace, account, { name, node: "worker-0", audience });
}

/** The same claims under a signature of somebody else. */
function forged(token: string): string {
  const [header, payload, signature = ""] = token.split(".");
  const other = Buffer.from(signature, "base64url").map((byte, index) => (index === 9 ? byte ^ 1 : byte));
  return [header, payload, Buffer.from(other).toString("base64url")].join(".");
}

async function ask(token: string, keyId: string) {
  const tokenFile = join(directory, "token");
  await writeFile(tokenFile, token);
  const client = createKeyServiceClient({
    address: `127.0.0.1:${port}`,
    caFile: join(directory, "pki/ca.crt"),
    tokenFile,
  });
  try {
    return await client.getDataKey({ keyId, lengthBytes: 32 });
  } finally {
    await client.close();
  }
}

async function refused(call: Promise<unknown>, remoteCode: string): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof KeyClientError);
    assert.deepEqual([error.code, error.remoteCode], ["refused", remoteCode]);
    return true;
  });
}

async function audit(): Promise<Record<string, unknown>[]> {
  const lines = (await program.output()).split("\n").filter((line) => line.includes('"key-request"'));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The service account and the rights of the measured manifest: these and no others, so that the test shows they suffice. */
async function applyOwnRights(): Promise<void> {
  const objects = parseAllDocuments(await readFile(MANIFEST, "utf8")).map((document) => document.toJS() as KubeObject);
  const rbac = "/apis/rbac.authorization.k8s.io/v1";
  const paths: Readonly<Record<string, string>> = {
    ServiceAccount: "/api/v1/namespaces/kube-system/serviceaccounts",
    ClusterRole: `${rbac}/clusterroles`,
    ClusterRoleBinding: `${rbac}/clusterrolebindings`,
  };
  for (const object of objects) {
    const path = paths[object.kind];
    if (path !== undefined && object.metadata.name.endsWith("key-service")) await api.create(path, object);
  }
}

interface KubeObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

async function startProgram(): Promise<void> {
  const files: Record<string, string | Uint8Array> = {
    "pki/ca.crt": api.pki.serviceCa.certificatePem,
    "secret/mastersecret": master,
    "secret/salt": salt,
    "account/ca.crt": api.pki.clusterCa.certificatePem,
    "account/token": await api.requestToken("kube-system", "key-service"),
  };
  const request = { commonName: "key-service", uris: ["constellation://service/key-service"] };
  const { certificatePem, keyPem } = await api.pki.serviceCa.issue(request);
  Object.assign(files, { "pki/key-service.crt": certificatePem, "pki/key-service.key": keyPem });
  for (const name of ["pki", "secret", "account"]) await mkdir(join(directory, name));
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
  const flags = {
    port: "0",
    "pod-host": "127.0.0.1",
    "pod-port": "0",
    "health-port": "0",
    "api-server": `127.0.0.1:${api.port}`,
    "service-account": join(directory, "account"),
    pki: join(directory, "pki"),
    secret: join(directory, "secret"),
  };
  const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
  program = new Program("key-service", process.execPath, [MAIN, ...args], join(directory, "log"));
  await program.ready(async () => {
    const listening = /"listening-for-pods","address":"127.0.0.1","port":(\d+)/.exec(await program.output());
    if (listening === null) throw new Error("it does not listen yet");
    port = Number(listening[1]);
  }, 60_000);
}
