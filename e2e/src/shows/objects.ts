import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CLIENT } from "@constellation/s3proxy/testing/proxy";
import { describePod, isPodReady, type List, type Pod } from "../harness/cluster-objects.ts";
import type { Kubectl } from "../harness/kubectl.ts";
import { createMarker } from "../harness/marker.ts";
import { PROXY, proxyObjects, STORE, storeObjects } from "../harness/object-store.ts";
import { CHECKOUT } from "../harness/programs.ts";
import { say } from "../harness/say.ts";
import { runScript } from "../harness/script-pod.ts";
import { type SharedCluster, show } from "../harness/show.ts";
import { minutes, waitUntil } from "../harness/wait.ts";
import { NAMESPACE, namespace } from "../harness/workload.ts";

const START_MS = minutes(20);
const REPLICAS = 2;

/** The S3 proxy by its manifest, with a key of the key service, before a MinIO that sees ciphertext only. */
export function showObjects(shared: SharedCluster): void {
  const marker = createMarker();

  show("objects go through the S3 proxy, and their store has no plaintext", shared, async (cluster) => {
    const kubectl = await cluster.kubectl();
    const manifest = await readFile(join(CHECKOUT, "docs/s3proxy.yaml"), "utf8");
    const { objects, authorityPem } = await proxyObjects(manifest, CLIENT);
    await kubectl.apply(namespace(), ...storeObjects(), ...objects);
    await podsReady(kubectl, NAMESPACE, STORE.name, 1);
    await podsReady(kubectl, PROXY.namespace, PROXY.name, REPLICAS);
    await kubectl.run(["label", "namespace", NAMESPACE, "constellation.internal/s3proxy=allowed", "--overwrite"]);
    const seen = await runScript(kubectl, {
      name: "object-client",
      namespace: NAMESPACE,
      file: "object.ts",
      args: [`https://${PROXY.host}`, STORE.url, marker.text],
      files: { "ca.crt": authorityPem },
      env: { NODE_EXTRA_CA_CERTS: "/services-ca/ca.crt" },
    });
    say(JSON.stringify(seen));
    assert.deepEqual(seen, {
      statuses: { bucket: 200, put: 200, whole: 200, part: 206, raw: 200, stranger: 403 },
      whole: true,
      part: true,
      rawLonger: true,
      rawHasMarker: false,
    });
    const names = ["--namespace", PROXY.namespace];
    const log = await kubectl.run([...names, "logs", "--selector=app.kubernetes.io/name=s3proxy", "--tail=-1"]);
    assert.match(log, /"operation":"PutObject"/);
    assert.ok(!log.includes(marker.text));
  });

  show("pods of a namespace that is not allowed do not reach the S3 proxy", shared, async (cluster) => {
    const kubectl = await cluster.kubectl();
    const reach = (name: string): Promise<object> =>
      runScript(kubectl, { name, namespace: NAMESPACE, file: "reach.ts", args: [PROXY.host, "443"] });
    assert.deepEqual(await reach("object-allowed"), { reached: true });
    await kubectl.run(["label", "namespace", NAMESPACE, "constellation.internal/s3proxy-"]);
    assert.deepEqual(await reach("object-stranger"), { reached: false });
    // What comes next needs the worker's memory, and kills the programs of our services by their name.
    await kubectl.run(["--namespace", PROXY.namespace, "scale", "deployment", PROXY.name, "--replicas=0"]);
    await podsReady(kubectl, PROXY.namespace, PROXY.name, 0);
    await kubectl.run(["--namespace", NAMESPACE, "delete", `pod/${STORE.name}`, `service/${STORE.name}`]);
  });
}

async function podsReady(kubectl: Kubectl, inNamespace: string, name: string, count: number): Promise<void> {
  const label = inNamespace === NAMESPACE ? "app" : "app.kubernetes.io/name";
  await waitUntil({ what: `${count} ready pods of ${name}`, timeoutMs: START_MS }, async (note) => {
    const selector = ["--namespace", inNamespace, "get", "pods", `--selector=${label}=${name}`];
    const { items } = await kubectl.json<List<Pod>>(selector);
    note(items.map(describePod).join("; "));
    return items.length === count && items.every(isPodReady) ? true : undefined;
  });
}
