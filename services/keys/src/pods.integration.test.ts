import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { KeyClientError } from "@constellation/key-client";
import { deriveDataKey, MasterSecret } from "@constellation/keys";
import { KubeApiserver } from "@constellation/testkit/kube-apiserver";
import { TOKEN_AUDIENCE } from "./pod-caller.ts";
import { ROOT, type SeparateKeyService, startSeparateKeyService } from "./testing/separate-key-service.ts";

const ACCOUNTS = ["csi", "s3proxy", "other"];

let api: KubeApiserver;
let service: SeparateKeyService;

before(async () => {
  api = await KubeApiserver.start();
  for (const account of ACCOUNTS) await api.createServiceAccount("kube-system", account);
  await api.createServiceAccount("default", "csi");
  await api.create("/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name: "worker-0" } });
  service = await startSeparateKeyService(api);
});
after(async () => {
  await service?.close();
  await api?.stop();
});

test("the key service gives a pod of the csi account its volume key, and only with its projected token", async () => {
  const token = await podToken("kube-system", "csi", "csi-a");
  const { key, generation } = await ask(token, "volume/a");
  assert.deepEqual(key.reveal(), deriveDataKey(new MasterSecret(ROOT.master), ROOT.salt, "volume", "a", 32).reveal());
  assert.equal(generation, 1);
  const [line] = (await service.audit()).filter(({ outcome }) => outcome === "granted");
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
  const client = await service.client(token);
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
