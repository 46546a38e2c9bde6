import assert from "node:assert/strict";
import { type Node, type Pod, describePod, isPodReady, isReady } from "../harness/cluster-objects.ts";
import type { Kubectl } from "../harness/kubectl.ts";
import type { Marker } from "../harness/marker.ts";
import type { MiniCluster } from "../harness/mini-cluster.ts";
import { say } from "../harness/say.ts";
import { minutes, waitUntil } from "../harness/wait.ts";
import { namespace, NAMESPACE, WRITER, writerPod } from "../harness/workload.ts";
import { probe } from "./workload.ts";

/** The node of the pod that writes. */
export const WORKER = "worker-0";
const POD_START_MS = minutes(15);
const REJOIN_MS = minutes(25);
/** Enough for several blocks of 4 KiB, so that one can be damaged and its neighbours stay. */
const LINES = 600;

/** Starts the pod and has it write its file. */
export async function writeMarker(cluster: MiniCluster, marker: Marker): Promise<void> {
  const kubectl = await cluster.kubectl();
  await kubectl.apply(namespace());
  await kubectl.apply(writerPod(WORKER));
  await readyWriter(kubectl, POD_START_MS, () => true);
  await probe(kubectl, WRITER.name, "write", WRITER.file, marker.text, String(LINES));
}

/** Where the file is on the decrypted disk, in bytes. */
export async function placeOfFile(cluster: MiniCluster): Promise<number> {
  const kubectl = await cluster.kubectl();
  const [offset = 0, sizeBytes = 0] = (await probe(kubectl, WRITER.name, "where", WRITER.file)).split(" ").map(Number);
  say(`the file is at byte ${offset} of the decrypted disk, ${sizeBytes} bytes of it`);
  assert.ok(offset > 0 && sizeBytes >= 4 * 4096);
  return offset;
}

/** What is compared with after a boot. */
export interface WorkerBoot {
  readonly bootId: string;
  readonly restarts: number;
}

/** The worker as Kubernetes knows it. */
export async function workerNow(cluster: MiniCluster): Promise<WorkerBoot> {
  const kubectl = await cluster.kubectl();
  const node = await kubectl.json<Node>(["get", "node", WORKER]);
  return { bootId: node.status.nodeInfo.bootID, restarts: restartsOf(await writer(kubectl)) };
}

/** Kubernetes goes on to call a node Ready for minutes after its end: only another boot counts. */
export async function assertComesBack(cluster: MiniCluster, before: WorkerBoot): Promise<void> {
  const kubectl = await cluster.kubectl();
  await waitUntil({ what: `${WORKER} to be Ready after another boot`, timeoutMs: REJOIN_MS }, async (note) => {
    const node = await kubectl.json<Node>(["get", "node", WORKER]);
    const rebooted = node.status.nodeInfo.bootID !== before.bootId;
    note(`rebooted: ${rebooted}, Ready: ${isReady(node)}`);
    return rebooted && isReady(node) ? node : undefined;
  });
  await readyWriter(kubectl, POD_START_MS, (pod) => restartsOf(pod) > before.restarts);
}

async function readyWriter(kubectl: Kubectl, timeoutMs: number, accepted: (pod: Pod) => boolean): Promise<void> {
  await waitUntil({ what: `pod ${WRITER.name} to run`, timeoutMs }, async (note) => {
    const pod = await writer(kubectl);
    note(describePod(pod));
    return isPodReady(pod) && accepted(pod) ? pod : undefined;
  });
}

function writer(kubectl: Kubectl): Promise<Pod> {
  return kubectl.json<Pod>(["--namespace", NAMESPACE, "get", "pod", WRITER.name]);
}

function restartsOf({ status }: Pod): number {
  return status.containerStatuses?.[0]?.restartCount ?? 0;
}

/** The first calls after a boot may come too early for the way to the node. */
export async function readMarker(cluster: MiniCluster): Promise<string> {
  const kubectl = await cluster.kubectl();
  return await waitUntil({ what: "the pod's file", timeoutMs: POD_START_MS }, () =>
    probe(kubectl, WRITER.name, "read", WRITER.file),
  );
}

/** What the file holds. */
export function fileOf(marker: Marker): string {
  return `${marker.text}\n`.repeat(LINES);
}
