import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { TestCa } from "@constellation/testkit/test-ca";
import { stringify } from "yaml";
import type { KubernetesPort } from "../ports/cluster.ts";
import { kubernetesClient } from "./kubernetes.ts";

const signal = AbortSignal.timeout(60_000);
const POD = { namespace: "a", name: "web", uid: "u", ending: false };

/** A client of a server that gives every request the same answer. */
async function answering(t: TestContext, status: number, body: unknown): Promise<KubernetesPort> {
  const ca = await TestCa.create("test");
  const [server, client] = [
    await ca.issue({ commonName: "api", addresses: ["127.0.0.1"] }),
    await ca.issue({ commonName: "admin" }),
  ];
  const https = createServer({ cert: server.certificatePem, key: server.keyPem }, (_, response) =>
    response.writeHead(status).end(JSON.stringify(body)),
  ).listen(0, "127.0.0.1");
  t.after(() => https.close());
  await once(https, "listening");
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const url = `https://127.0.0.1:${(https.address() as AddressInfo).port}`;
  const user = { "client-certificate-data": base64(client.certificatePem), "client-key-data": base64(client.keyPem) };
  return kubernetesClient(
    stringify({
      "current-context": "x",
      contexts: [{ name: "x", context: { cluster: "x", user: "x" } }],
      clusters: [{ name: "x", cluster: { server: url, "certificate-authority-data": base64(ca.certificatePem) } }],
      users: [{ name: "x", user }],
    }),
  );
}

test("kubernetesClient() moves neither pods of DaemonSets nor the kubelet's own, nor those that have ended", async (t) => {
  const pod = (name: string, metadata: object = {}, phase = "Running") => {
    return { metadata: { namespace: "a", name, uid: name, ...metadata }, status: { phase } };
  };
  const owner = (kind: string, controller: boolean) => ({ ownerReferences: [{ kind, controller }] });
  const items = [
    pod("deployed", owner("ReplicaSet", true)),
    pod("alone"),
    pod("pending", {}, "Pending"),
    pod("named-after-a-daemon-set", owner("DaemonSet", false)),
    pod("ending", { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    pod("cilium", owner("DaemonSet", true)),
    pod("static", { annotations: { "kubernetes.io/config.mirror": "x" } }),
    pod("done", owner("Job", true), "Succeeded"),
    pod("failed", {}, "Failed"),
  ];
  const kubernetes = await answering(t, 200, { kind: "PodList", items });
  const pods = await kubernetes.movablePods("worker-1", signal);
  assert.deepEqual(
    pods.map(({ name, ending }) => [name, ending]),
    [
      ["deployed", false],
      ["alone", false],
      ["pending", false],
      ["named-after-a-daemon-set", false],
      ["ending", true],
    ],
  );
});

test("kubernetesClient() takes for done what has gone already", async (t) => {
  const kubernetes = await answering(t, 404, { kind: "Status", reason: "NotFound" });
  assert.equal(await kubernetes.setSchedulable("worker-1", false, signal), false);
  await kubernetes.evictPod(POD, signal);
  await kubernetes.deleteNode("worker-1", signal);
  const another = await answering(t, 409, { kind: "Status", reason: "Conflict" });
  await another.evictPod(POD, signal);
});

test("kubernetesClient() passes on why a pod may not be evicted", async (t) => {
  const message = "Cannot evict pod as it would violate the pod's disruption budget.";
  const kubernetes = await answering(t, 429, { kind: "Status", reason: "TooManyRequests", message });
  await assert.rejects(kubernetes.evictPod(POD, signal), {
    status: 429,
    message: /web" failed: .*disruption budget\.$/,
  });
});

test("kubernetesClient() says whether there is the node that it lets pods onto", async (t) => {
  const kubernetes = await answering(t, 200, { kind: "Node", metadata: { name: "worker-1" } });
  assert.equal(await kubernetes.setSchedulable("worker-1", true, signal), true);
});

test("kubernetesClient() tells a Deployment that is missing from one without a replica that can be used", async (t) => {
  const missing = await answering(t, 404, { kind: "Status", code: 404, reason: "NotFound" });
  assert.equal(await missing.isAvailable("a", "web", signal), undefined);
  const starting = await answering(t, 200, { kind: "Deployment", metadata: { name: "web" }, status: {} });
  assert.equal(await starting.isAvailable("a", "web", signal), false);
});
