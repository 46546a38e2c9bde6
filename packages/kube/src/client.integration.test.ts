import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { KubeApiserver } from "@constellation/testkit/kube-apiserver";
import { KubeApi } from "./api.ts";
import { KubeClient } from "./client.ts";
import { KubeError } from "./errors.ts";
import { KubeMirror } from "./mirror.ts";
import type { KubeObject, ResourceType } from "./resource-type.ts";

let api: KubeApiserver;
let client: KubeApi;

before(async () => {
  api = await KubeApiserver.start();
  client = KubeClient.fromKubeconfig(api.adminKubeconfig(), { requestTimeoutMs: 60_000 });
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

test("KubeClient lists ConfigMaps by label and deletes one of a real API server", async () => {
  const labels = { kind: "test" };
  for (const name of ["labelled-a", "labelled-b"]) {
    await client.createConfigMap("default", {
      metadata: { name, labels },
      binaryData: { bytes: "AAEC" },
      immutable: true,
    });
  }
  await client.createConfigMap("default", { metadata: { name: "bare" } });
  const listed = await client.listConfigMaps("default", "kind=test");
  assert.deepEqual(
    listed.map(({ metadata, binaryData }) => [metadata.name, binaryData?.["bytes"]]),
    [
      ["labelled-a", "AAEC"],
      ["labelled-b", "AAEC"],
    ],
  );
  await client.deleteConfigMap("default", "labelled-a");
  await assert.rejects(client.deleteConfigMap("default", "labelled-a"), coded("not_found"));
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

test("KubeClient moves pods off a node of a real API server and deletes the node", async () => {
  await api.create("/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name: "worker-9" } });
  await api.createServiceAccount("kube-system", "default");
  for (const [name, nodeName] of [
    ["here", "worker-9"],
    ["there", "worker-8"],
  ]) {
    const spec = { nodeName, terminationGracePeriodSeconds: 0, containers: [{ name: "a", image: "a" }] };
    await api.create("/api/v1/namespaces/kube-system/pods", {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name },
      spec,
    });
  }
  assert.equal((await client.patchNode("worker-9", { spec: { unschedulable: true } })).spec?.unschedulable, true);
  assert.equal((await client.patchNode("worker-9", { spec: { unschedulable: null } })).spec?.unschedulable, undefined);
  const [pod, ...others] = await client.listPodsOnNode("worker-9");
  assert.deepEqual([pod?.metadata.name, others], ["here", []]);
  const reference = { namespace: "kube-system", name: "here", uid: pod?.metadata.uid ?? "" };
  await assert.rejects(client.evictPod({ ...reference, uid: "another" }), coded("conflict"));
  await client.evictPod(reference);
  assert.deepEqual(await client.listPodsOnNode("worker-9"), []);
  await assert.rejects(client.evictPod(reference), coded("not_found"));
  await client.deleteNode("worker-9");
  await assert.rejects(client.deleteNode("worker-9"), coded("not_found"));
});

test("KubeClient lists Secrets in pages without their contents, and patches one as it was listed", async () => {
  for (const name of ["page-a", "page-b", "page-c"]) {
    const metadata = { name };
    await api.create("/api/v1/namespaces/default/secrets", { kind: "Secret", metadata, data: { key: "AAEC" } });
  }
  const names: string[] = [];
  let next: string | undefined;
  let pages = 0;
  do {
    const page = await client.listMetadata("secrets", 2, next);
    for (const item of page.items) {
      assert.deepEqual(Object.keys(item).includes("data"), false);
      names.push(item.metadata.name);
    }
    next = page.next;
    pages++;
  } while (next !== undefined);
  assert.ok(["page-a", "page-b", "page-c"].every((name) => names.includes(name)));
  assert.ok(pages > 1);
  const { metadata } = await client.getSecret("default", "page-a");
  const { resourceVersion = "" } = metadata;
  await client.patchSecret("default", "page-a", { metadata: { resourceVersion } });
  await client.patchSecret("default", "page-a", { metadata: { resourceVersion }, data: { other: "AA==" } });
  assert.deepEqual((await client.getSecret("default", "page-a")).data, { key: "AAEC", other: "AA==" });
  const stale = client.patchSecret("default", "page-a", { metadata: { resourceVersion }, data: { other: "AQ==" } });
  await assert.rejects(stale, coded("conflict"));
  await assert.rejects(client.listMetadata("secrets", 2, "x"), coded("rejected"));
});

test("KubeClient lists volumes and annotates nodes of a real API server", async () => {
  const spec = {
    capacity: { storage: "1Gi" },
    accessModes: ["ReadWriteOnce"],
    csi: { driver: "local.csi.constellation.internal", volumeHandle: "v" },
  };
  const metadata = { name: "pv-0", annotations: { "csi.constellation.internal/generation": "2" } };
  await api.create("/api/v1/persistentvolumes", { kind: "PersistentVolume", metadata, spec });
  const [volume] = await client.listPersistentVolumes();
  assert.equal(volume?.metadata.annotations?.["csi.constellation.internal/generation"], "2");
  assert.equal(volume?.spec?.csi?.driver, "local.csi.constellation.internal");
  const annotations = { "constellation.internal/state-disk-generation": "2" };
  const node = await client.patchNode("worker-0", { metadata: { annotations } });
  assert.equal(node.metadata.annotations?.["constellation.internal/state-disk-generation"], "2");
});

test("KubeClient has a token reviewed by a real API server", async () => {
  const token = await api.createServiceAccount("kube-system", "reviewed");
  const { authenticated, user } = await client.reviewToken(token, ["https://kubernetes.default.svc"]);
  assert.deepEqual([authenticated, user?.username], [true, "system:serviceaccount:kube-system:reviewed"]);
  assert.notEqual((await client.reviewToken(token, ["other"])).authenticated, true);
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

interface Claim extends KubeObject {
  readonly spec: object;
  readonly status?: { readonly phase?: string };
}
const CLAIMS: ResourceType<Claim> = {
  group: "",
  version: "v1",
  plural: "persistentvolumeclaims",
  kind: "PersistentVolumeClaim",
  namespaced: true,
};

test("KubeMirror follows objects of a real API server, and their status is patched", {
  timeout: 120_000,
}, async (context) => {
  const claims = client.resources(CLAIMS);
  const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
  const key = { namespace: "default", name: "mirrored" };
  const stop = new AbortController();
  let seen = Promise.withResolvers<void>();
  const mirror = new KubeMirror(claims, { onChange: () => seen.resolve() });
  const running = mirror.run(stop.signal);
  context.after(async () => {
    stop.abort();
    await running;
  });
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      await seen.promise;
      seen = Promise.withResolvers<void>();
    }
  };
  await until(() => mirror.synced);
  const created = await claims.create({ metadata: key, spec });
  await until(() => mirror.get(key) !== undefined);
  await claims.patchStatus(key, { status: { phase: "Lost" } });
  await until(() => mirror.get(key)?.status?.phase === "Lost");
  await assert.rejects(claims.delete(key, "another"), coded("conflict"));
  await claims.delete(key, created.metadata.uid ?? "");
  // An admission plugin holds every claim back from deletion until a controller says that nobody uses it.
  await claims.patch(key, { metadata: { finalizers: null } });
  await until(() => mirror.get(key) === undefined);
  assert.equal((await claims.list({ namespace: "default" })).items.length, 0);
});
