import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { KubeApiserver } from "@constellation/testkit/kube-apiserver";
import { parseAllDocuments } from "yaml";
import { imageDir } from "./paths.ts";

const PODS = "/api/v1/namespaces/default/pods";
const REGISTRY = "/var/lib/kubelet/plugins_registry";
const SHADOW = "/var/lib/kubelet/constellation-plugins";
const PLURALS: Readonly<Record<string, string>> = {
  MutatingAdmissionPolicy: "mutatingadmissionpolicies",
  MutatingAdmissionPolicyBinding: "mutatingadmissionpolicybindings",
  ValidatingAdmissionPolicy: "validatingadmissionpolicies",
  ValidatingAdmissionPolicyBinding: "validatingadmissionpolicybindings",
};

/** A pod of a vendor with these host paths, and one volume of another kind. */
function pod(name: string, ...paths: string[]): object {
  const volumes = paths.map((path, index) => ({ name: `v${index}`, hostPath: { path, type: "Directory" } }));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { containers: [{ name: "c", image: "x" }], volumes: [...volumes, { name: "e", emptyDir: {} }] },
  };
}

function hostPaths(answer: Record<string, unknown>): string[] {
  const { volumes = [] } = (answer["spec"] ?? {}) as { volumes?: { hostPath?: { path: string } }[] };
  return volumes.map(({ hostPath }) => hostPath?.path).filter((path) => path !== undefined);
}

describe("the admission policies of the volumes' layer, at a real API server", { timeout: 900_000 }, () => {
  let api: KubeApiserver;
  let token: string;

  before(async () => {
    api = await KubeApiserver.start();
    await api.createServiceAccount("default", "default");
    token = await api.createServiceAccount("kube-system", "csi");
    const text = await readFile(join(imageDir, "manifests/csi.yaml"), "utf8");
    for (const document of parseAllDocuments(text)) {
      const object = document.toJS() as { kind: string };
      const plural = PLURALS[object.kind];
      if (plural !== undefined) await api.create(`/apis/admissionregistration.k8s.io/v1/${plural}`, object);
    }
    // The API server takes up policies by watches, each kind by its own.
    for (let attempt = 0; attempt < 300; attempt += 1) {
      const refused = await api.call("POST", `${PODS}?dryRun=All`, pod("probe", `${REGISTRY}/x`));
      const led = await api.call("POST", `${PODS}?dryRun=All`, pod("probe", REGISTRY));
      if (refused.body["reason"] === "Forbidden" && hostPaths(led.body).includes(SHADOW)) return;
      await delay(200);
    }
    assert.fail("the policies were not taken up");
  });
  after(() => api?.stop());

  /** Host paths of a pod as it was accepted. */
  async function created(object: object, path = PODS): Promise<string[]> {
    const { status, body } = await api.call("POST", path, object);
    assert.equal(status, 201, JSON.stringify(body));
    return hostPaths(body);
  }

  test("lead a vendor's registrar to the layer's folder, and change nothing else", async () => {
    for (const [index, path] of [REGISTRY, `${REGISTRY}/`].entries()) {
      const paths = await created(pod(`registrar-${index}`, "/var/lib/kubelet/plugins/x", path, "/dev"));
      assert.deepEqual(paths, ["/var/lib/kubelet/plugins/x", SHADOW, "/dev"]);
    }
  });

  test("leave a pod without the registry as it is", async () => {
    assert.deepEqual(await created(pod("other", "/var/lib/kubelet")), ["/var/lib/kubelet"]);
  });

  test("refuse a pod with a folder or socket inside the registry", async () => {
    for (const [index, path] of [`${REGISTRY}/vendor`, `//var/lib/kubelet/./plugins_registry`].entries()) {
      const { status, body } = await api.call("POST", PODS, pod(`inside-${index}`, path));
      assert.equal(status, 403, JSON.stringify(body));
      assert.match(String(body["message"]), /only the encryption layer registers storage drivers/);
    }
  });

  test("leave the registry to the layer itself, and to nobody who only has its name", async () => {
    const layer = pod("csi", REGISTRY) as { spec: object };
    Object.assign(layer.spec, { serviceAccountName: "csi" });
    assert.deepEqual(await created(layer, "/api/v1/namespaces/kube-system/pods"), [REGISTRY]);
    await api.createServiceAccount("default", "csi");
    assert.deepEqual(await created({ ...layer, metadata: { name: "csi-elsewhere" } }), [SHADOW]);
  });

  test("let the layer change annotations of PersistentVolumes and nothing else", async () => {
    const volumes = "/api/v1/persistentvolumes";
    const spec = {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      csi: { driver: "vendor.example", volumeHandle: "v" },
    };
    await api.create(volumes, { apiVersion: "v1", kind: "PersistentVolume", metadata: { name: "pv" }, spec });
    const { body } = await api.call("GET", `${volumes}/pv`);
    const subject = { kind: "ServiceAccount", name: "csi", namespace: "kube-system" };
    await api.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
      metadata: { name: "csi-admin" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [subject],
    });
    const found = body as { metadata: object; spec: object };
    const annotated = { ...found, metadata: { ...found.metadata, annotations: { a: "b" } } };
    const { status, body: after_ } = await api.call("PUT", `${volumes}/pv`, annotated, { token });
    assert.equal(status, 200, JSON.stringify(after_));
    const changed = { ...(after_ as object), spec: { ...found.spec, persistentVolumeReclaimPolicy: "Delete" } };
    assert.equal((await api.call("PUT", `${volumes}/pv`, changed, { token })).status, 403);
  });
});
