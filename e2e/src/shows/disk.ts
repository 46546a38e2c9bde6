import assert from "node:assert/strict";
import { join } from "node:path";
import { localStatus, resetNode, startNode } from "@constellation/infrastructure-local";
import { type Node, type Pod, describePod, isPodReady, isReady } from "../harness/cluster-objects.ts";
import type { Kubectl } from "../harness/kubectl.ts";
import { createMarker, type Marker, searchFile } from "../harness/marker.ts";
import type { MiniCluster } from "../harness/mini-cluster.ts";
import { say } from "../harness/say.ts";
import { type SharedCluster, show } from "../harness/show.ts";
import { addForeignToken, flipCiphertext, restoreHeaders } from "../harness/state-disk-file.ts";
import { BEFORE_WIREGUARD_TCP_PORTS } from "../harness/traffic.ts";
import { minutes, waitUntil } from "../harness/wait.ts";
import { NAMESPACE, namespace, WRITER, writerPod } from "../harness/workload.ts";
import { captureTraffic } from "./traffic.ts";
import { probe } from "./workload.ts";

const WORKER = "worker-0";
const POD_START_MS = minutes(15);
const REJOIN_MS = minutes(25);
const BOOT_MS = minutes(15);
/** Enough for several blocks of 4 KiB, so that one can be damaged and its neighbours stay. */
const LINES = 600;

/** Show 5: a node that is reset comes back by itself; its disk tells nothing and takes no change. */
export function showDisk(shared: SharedCluster): void {
  const marker = createMarker();
  let where = 0;

  show("a pod's file is on the worker's disk", shared, async (cluster) => {
    const kubectl = await cluster.kubectl();
    await kubectl.apply(namespace());
    await kubectl.apply(writerPod(WORKER));
    await readyWriter(kubectl, POD_START_MS, () => true);
    await probe(kubectl, WRITER.name, "write", WRITER.file, marker.text, String(LINES));
    const [offset = 0, sizeBytes = 0] = (await probe(kubectl, WRITER.name, "where", WRITER.file))
      .split(" ")
      .map(Number);
    say(`the file is at byte ${offset} of the decrypted disk, ${sizeBytes} bytes of it`);
    assert.ok(offset > 0 && sizeBytes >= 4 * 4096);
    where = offset;
  });

  show(
    "a worker that is reset by force comes back with no human, and its pod with its file",
    shared,
    async (cluster, t) => {
      const before = await workerNow(cluster);
      await captureTraffic(cluster, "rejoin", marker, BEFORE_WIREGUARD_TCP_PORTS, t, async () => {
        await resetNode(cluster.workspace, WORKER);
        await assertComesBack(cluster, before);
      });
      assert.equal(await readMarker(cluster), fileOf(marker));
    },
  );

  show("status names a machine that has crashed", shared, async (cluster) => {
    await killMachine(cluster);
    const { exitCode, stdout } = await cluster.cli("status", "--output", "json");
    assert.equal(exitCode, 1);
    const { healthy, processes } = JSON.parse(stdout) as {
      healthy: boolean;
      processes: { name: string; state: string; detail?: string }[];
    };
    assert.equal(healthy, false);
    const crashed = processes.filter(({ state }) => state !== "running");
    say(JSON.stringify(crashed));
    assert.ok(crashed.some(({ name, state }) => name === `${WORKER}/machine` && state === "crashed"));
    assert.ok(crashed.every(({ name }) => name.startsWith(`${WORKER}/`)));
  });

  show("the crashed worker's disk, read offline, has no trace of the file", shared, async (cluster) => {
    const { found, dataBytes } = await searchFile(diskOf(cluster), marker);
    say(`looked through ${dataBytes} bytes`);
    assert.ok(dataBytes > 100 * 1024 * 1024, "the disk was in use");
    assert.equal(found, false);
  });

  show("a header with a foreign token is refused, and no key is used on it", shared, async (cluster) => {
    const headers = await addForeignToken(diskOf(cluster));
    const linesBefore = (await cluster.joinServiceLog()).length;
    const consoleBefore = (await cluster.console(WORKER)).length;
    await startNode(cluster.workspace, WORKER);
    const refusal = await waitUntil({ what: `${WORKER} to refuse its disk`, timeoutMs: BOOT_MS }, async () => {
      const text = (await cluster.console(WORKER)).slice(consoleBefore);
      return /failed: .*Validate LUKS2 header failed: .*tokens.*/.exec(text)?.[0];
    });
    say(refusal);
    const { address } = await cluster.record(WORKER);
    const asked = (await cluster.joinServiceLog()).slice(linesBefore).filter(({ remote }) => remote === address);
    assert.deepEqual(asked, [], "the node did not ask for its key");
    await killMachine(cluster);
    await restoreHeaders(diskOf(cluster), headers);
  });

  show("after a flipped ciphertext byte the node comes back, and reading is an I/O error", shared, async (cluster) => {
    const before = await workerNow(cluster); // As it was before it crashed: Kubernetes has seen no boot since.
    const { sector, offset } = await flipCiphertext(diskOf(cluster), where + 2 * 4096);
    say(`flipped a bit at byte ${offset} of the image, sector ${sector} of the decrypted disk`);
    const { exitCode } = await cluster.up();
    assert.equal(exitCode, 0, "mini up starts what has crashed");
    await assertComesBack(cluster, before);
    const kubectl = await cluster.kubectl();
    const args = ["--namespace", NAMESPACE, "exec", WRITER.name, "--", "/probe", "read", WRITER.file];
    const read = await kubectl.attempt(args);
    assert.equal(read.exitCode, 1);
    assert.equal(read.stdout, "", "no wrong data");
    assert.match(read.stderr, /input\/output error/);
    assert.match(await cluster.console(WORKER), new RegExp(`INTEGRITY AEAD ERROR, sector ${sector}\\b`));
  });
}

/** What is compared with after a boot. */
interface WorkerBoot {
  readonly bootId: string;
  readonly restarts: number;
}

async function workerNow(cluster: MiniCluster): Promise<WorkerBoot> {
  const kubectl = await cluster.kubectl();
  const node = await kubectl.json<Node>(["get", "node", WORKER]);
  return { bootId: node.status.nodeInfo.bootID, restarts: restartsOf(await writer(kubectl)) };
}

/** Kubernetes goes on to call a node Ready for minutes after its end: only another boot counts. */
async function assertComesBack(cluster: MiniCluster, before: WorkerBoot): Promise<void> {
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
async function readMarker(cluster: MiniCluster): Promise<string> {
  const kubectl = await cluster.kubectl();
  return await waitUntil({ what: "the pod's file", timeoutMs: POD_START_MS }, () =>
    probe(kubectl, WRITER.name, "read", WRITER.file),
  );
}

function fileOf(marker: Marker): string {
  return `${marker.text}\n`.repeat(LINES);
}

/** Ends the machine's process, which the cluster's own state names, as a crash would. */
async function killMachine(cluster: MiniCluster): Promise<void> {
  const status = await localStatus(cluster.workspace);
  const pid = status?.nodes.find(({ name }) => name === WORKER)?.machine.pid;
  assert.ok(pid !== undefined && pid !== null, "the worker's machine runs");
  process.kill(pid, "SIGKILL");
  await waitUntil({ what: "the end of the worker's machine", timeoutMs: minutes(1) }, async () => {
    const now = (await localStatus(cluster.workspace))?.nodes.find(({ name }) => name === WORKER);
    return now?.machine.state === "dead" && now.tpm.state === "dead" ? true : undefined;
  });
}

function diskOf(cluster: MiniCluster): string {
  return join(cluster.workspace, "constellation-local/nodes", WORKER, "state.img");
}
