import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { KubeApiserver } from "@constellation/testkit/kube-apiserver";
import { KubeApi } from "./api.ts";
import { KubeClient } from "./client.ts";
import { KubeError } from "./errors.ts";

let api: KubeApiserver;
let client: KubeApi;

before(async () => {
  api = await KubeApiserver.start();
  client = KubeClient.fromKubeconfig(api.adminKubeconfig());
});
after(() => api?.stop());

const coded = (code: string) => (error: unknown) => error instanceof KubeError && error.code === code;

test("KubeClient creates, reads and patches a ConfigMap of a real API server", async () => {
  const { metadata } = await client.createConfigMap("kube-system", {
    metadata: { name: "x" },
    data: { a: "1", b: "2" },
  });
  await assert.rejects(client.createConfigMap("kube-system", { metadata: { name: "x" } }), coded("already_exists"));
  await client.patchConfigMap("kube-system", "x", { data: { a: null, c: "3" } });
  assert.deepEqual((await client.getConfigMap("kube-system", "x")).data, { b: "2", c: "3" });
  const stale = { metadata: { resourceVersion: metadata.resourceVersion ?? "" }, data: { d: "4" } };
  await assert.rejects(client.patchConfigMap("kube-system", "x", stale), coded("conflict"));
});

test("KubeClient lists and gets nodes of a real API server", async () => {
  await api.create("/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name: "worker-0" } });
  assert.deepEqual(
    (await client.listNodes()).map((node) => node.metadata.name),
    ["worker-0"],
  );
  assert.equal((await client.getNode("worker-0")).metadata.name, "worker-0");
  await assert.rejects(client.getNode("worker-1"), coded("not_found"));
});

test("KubeClient reads the endpoints and readiness of a real API server", async () => {
  const { endpoints, ports } = await client.getEndpointSlice("default", "kubernetes");
  assert.equal(`${endpoints?.[0]?.addresses[0]}:${ports?.[0]?.port}`, api.advertisedEndpoint);
  await client.requireReady();
});

test("KubeClient with a service account's token is refused what it has no right to", async () => {
  const token = await api.createServiceAccount("kube-system", "nobody");
  const credentials = { ca: api.pki.clusterCa.certificatePem, token };
  const nobody = new KubeApi(new URL(`https://127.0.0.1:${api.port}`), () => Promise.resolve(credentials));
  await assert.rejects(nobody.getConfigMap("kube-system", "x"), coded("forbidden"));
});
