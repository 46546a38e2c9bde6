import assert from "node:assert/strict";
import { type List, type Pod, describePod, isPodReady } from "../harness/cluster-objects.ts";
import type { Kubectl } from "../harness/kubectl.ts";
import type { MiniCluster } from "../harness/mini-cluster.ts";
import { say } from "../harness/say.ts";
import { type SharedCluster, show } from "../harness/show.ts";
import { minutes, waitUntil } from "../harness/wait.ts";
import { IMAGE, NAMESPACE, namespace, WEB, webDeployment, webService } from "../harness/workload.ts";

const PULL_AND_START_MS = minutes(15);
const SERVICE_MS = minutes(10);
const MANY = 20;

/** Name of the Service in the cluster's DNS. */
export const SERVICE_URL: string = `http://${WEB.name}.${NAMESPACE}.svc.cluster.local:${WEB.port}`;

/** A ready web server. */
export interface WebPod {
  readonly name: string;
  readonly node: string;
  readonly address: string;
}

/** The two web servers, as soon as both are ready; one on each node. */
async function webPods(kubectl: Kubectl): Promise<[WebPod, WebPod]> {
  return await waitUntil({ what: "the two web servers", timeoutMs: PULL_AND_START_MS }, async (note) => {
    const { items } = await kubectl.json<List<Pod>>(["--namespace", NAMESPACE, "get", "pods", "--selector=app=web"]);
    note(items.map(describePod).join("; "));
    const [first, second, ...others] = items.filter(isPodReady).map(toWebPod);
    return first === undefined || second === undefined || others.length > 0 ? undefined : [first, second];
  });
}

/** Runs our own program in a pod. */
export function probe(kubectl: Kubectl, pod: string, ...args: readonly string[]): Promise<string> {
  return kubectl.run(["--namespace", NAMESPACE, "exec", pod, "--", "/probe", ...args]);
}

/** Show 2: a workload on both nodes, its image from the mirror, found by DNS name; logs and exec. */
export function showWorkload(shared: SharedCluster): void {
  show("a workload from the mirror runs on both nodes", shared, async (cluster) => {
    const kubectl = await cluster.kubectl();
    await kubectl.apply(namespace());
    await kubectl.apply(webDeployment(), webService());
    const pods = await webPods(kubectl);
    say(await kubectl.run(["--namespace", NAMESPACE, "get", "pods", "--output=wide"]));
    assert.deepEqual(pods.map(({ node }) => node).toSorted(), ["control-plane-0", "worker-0"]);
    assert.match(await cluster.registry.log(), new RegExp(`/v2/${IMAGE.repository}/manifests/`));
  });

  for (const from of ["control-plane-0", "worker-0"]) {
    show(`from ${from}, the Service answers by its DNS name, from both nodes`, shared, async (cluster) => {
      const { kubectl, own, other } = await podsSeenFrom(cluster, from);
      const wanted = [own.name, other.name].toSorted();
      const answered = new Set<string>();
      await waitUntil({ what: `answers of both web servers in ${own.name}`, timeoutMs: SERVICE_MS }, async (note) => {
        const answers = await probe(kubectl, own.name, "fetch", `${SERVICE_URL}/hostname`, String(MANY));
        for (const answer of answers.trim().split("\n")) answered.add(answer);
        note(`answers of ${[...answered].join(", ")}`);
        return answered.size >= 2 ? true : undefined;
      });
      assert.deepEqual([...answered].toSorted(), wanted);
    });
  }

  show("logs and exec work on both nodes", shared, async (cluster) => {
    const kubectl = await cluster.kubectl();
    for (const { name } of await webPods(kubectl)) {
      assert.match(await kubectl.run(["--namespace", NAMESPACE, "logs", name]), /Started HTTP server/i);
      const { exitCode, stderr } = await kubectl.attempt([
        "--namespace",
        NAMESPACE,
        "exec",
        name,
        "--",
        "/probe",
        "no",
      ]);
      assert.equal(exitCode, 1, "the exit code of the program is that of exec");
      assert.match(stderr, /probe: unknown command/);
    }
  });
}

/** The web server on this node and the one on the other. */
export async function podsSeenFrom(
  cluster: MiniCluster,
  node: string,
): Promise<{ kubectl: Kubectl; own: WebPod; other: WebPod }> {
  const kubectl = await cluster.kubectl();
  const [first, second] = await webPods(kubectl);
  return first.node === node ? { kubectl, own: first, other: second } : { kubectl, own: second, other: first };
}

function toWebPod({ metadata, spec, status }: Pod): WebPod {
  return { name: metadata.name, node: spec.nodeName ?? "", address: status.podIP ?? "" };
}
