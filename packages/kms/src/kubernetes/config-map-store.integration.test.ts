import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { KubeApi, KubeClient } from "@constellation/kube";
import { KubeApiserver } from "@constellation/testkit/kube-apiserver";
import { KmsError } from "../error.ts";
import { storeCompliance } from "../testing/store-compliance.ts";
import { patientTools } from "../testing/test-tools.ts";
import { ConfigMapStore } from "./config-map-store.ts";

const LIMITS = { requestTimeoutMs: 60_000 };
const { signal } = new AbortController();
let api: KubeApiserver;

before(async () => {
  api = await KubeApiserver.start();
});
after(() => api?.stop());

function storeOf(namespace = "kube-system"): ConfigMapStore {
  return new ConfigMapStore(KubeClient.fromKubeconfig(api.adminKubeconfig(), LIMITS), namespace, patientTools());
}

storeCompliance("ConfigMaps of a real API server", ["wrongCredentials"], async () => {
  const token = await api.createServiceAccount("default", "stranger");
  const credentials = { ca: api.pki.clusterCa.certificatePem, token };
  const server = new URL(`https://${api.host}:${api.port}`);
  const strangerApi = new KubeApi(server, () => Promise.resolve(credentials), LIMITS);
  const stranger = new ConfigMapStore(strangerApi, "kube-system", patientTools());
  return { store: storeOf(), other: storeOf(), wrongCredentials: stranger, stop: async () => undefined };
});

test("ConfigMapStore refuses a ConfigMap of another ID under an ID's name", async () => {
  const store = storeOf();
  const name = `wrapped-key-${createHash("sha256").update("swap/a").digest("hex").slice(0, 40)}`;
  const annotations = { "constellation.edgeless.systems/wrapped-key-id": "swap/b" };
  await api.create("/api/v1/namespaces/kube-system/configmaps", {
    metadata: { name, annotations },
    binaryData: { "wrapped-key": "AAAA" },
  });
  await assert.rejects(
    store.get("swap/a", signal),
    (error) => error instanceof KmsError && error.code === "store_answer",
  );
});
