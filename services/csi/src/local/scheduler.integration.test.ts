import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createLog } from "@constellation/pod";
import { componentPrograms } from "@constellation/testkit/kube-apiserver";
import { freePorts, Program } from "@constellation/testkit/program";
import { createLocalDriver } from "./driver.ts";
import { TOPOLOGY_KEY } from "./names.ts";
import { nodeOf } from "./persistent-volume.ts";
import { nodeSystem } from "./system.ts";
import { TestCluster } from "./testing/cluster.ts";
import { NO_RESERVE, type TestNode, testNode } from "./testing/node.ts";

const GIB = 1024 ** 3;
const PODS = "/api/v1/namespaces/default/pods";
const CONTROLLERS = [
  "persistentvolume-binder-controller",
  "persistentvolume-expander-controller",
  "persistentvolume-protection-controller",
  "persistentvolumeclaim-protection-controller",
];

// Two nodes without kubelets, of which the second has a larger disk; everything else is Kubernetes' own.
describe("the provisioner with the real scheduler and PV controller", { timeout: 300_000 }, () => {
  let cluster: TestCluster;
  let folder: string;
  const programs: Program[] = [];
  const nodes: TestNode[] = [];
  const stop = new AbortController();
  const running: Promise<void>[] = [];

  before(async () => {
    cluster = await TestCluster.start();
    folder = await mkdtemp(join(tmpdir(), "constellation-scheduler-"));
    const kubeconfig = join(folder, "kubeconfig");
    await writeFile(kubeconfig, cluster.server.adminKubeconfig(), { mode: 0o600 });
    await cluster.server.createServiceAccount("default", "default");
    for (const [index, totalBytes] of [2 * GIB, 8 * GIB].entries()) await startNode(`worker-${index}`, totalBytes);
    const [manager = "", scheduler = ""] = componentPrograms(["kube-controller-manager", "kube-scheduler"]);
    const [managerPort, schedulerPort] = await freePorts(2);
    const common = ["--bind-address=127.0.0.1", "--leader-elect=false", `--kubeconfig=${kubeconfig}`];
    const own = [`--controllers=${CONTROLLERS.join()}`, `--secure-port=${managerPort}`, `--cert-dir=${folder}`];
    const logs = ["manager.log", "scheduler.log"].map((file) => join(folder, file));
    programs.push(new Program("kube-controller-manager", manager, [...common, ...own], logs[0] ?? ""));
    const ports = [`--secure-port=${schedulerPort}`, `--cert-dir=${folder}`];
    programs.push(new Program("kube-scheduler", scheduler, [...common, ...ports], logs[1] ?? ""));
  });
  after(async () => {
    stop.abort();
    await Promise.all(running);
    for (const program of programs) await program.stop();
    await cluster?.stop();
    for (const node of nodes) await node.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** A node as its kubelet would have registered it, with the driver on it. */
  async function startNode(nodeName: string, totalBytes: number): Promise<void> {
    const api = await cluster.addNode(nodeName);
    const path = `/api/v1/nodes/${nodeName}`;
    const { body } = await cluster.server.call("GET", path);
    const labels = { [TOPOLOGY_KEY]: nodeName };
    const metadata = { ...(body["metadata"] as object), labels };
    const labelled = await cluster.server.call("PUT", path, { ...body, metadata, spec: { taints: [] } });
    const allocatable = { cpu: "4", memory: "8Gi", pods: "100" };
    const conditions = [{ type: "Ready", status: "True" }];
    const status = { allocatable, capacity: allocatable, conditions };
    await cluster.server.call("PUT", `${path}/status`, { ...labelled.body, status });
    const node = await testNode();
    nodes.push(node);
    const driver = await createLocalDriver(
      { nodeName, version: "v0", folder: node.files.folder, reserve: NO_RESERVE },
      {
        api,
        log: createLog({ now: () => new Date(), write: () => undefined }),
        system: { ...nodeSystem, statfs: () => Promise.resolve({ totalBytes, availableBytes: totalBytes }) },
      },
    );
    running.push(driver.run(stop.signal));
  }

  const createPod = (name: string, claimName: string) =>
    cluster.server.create(PODS, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name },
      spec: {
        containers: [{ name: "a", image: "a", volumeMounts: [{ name: "data", mountPath: "/data" }] }],
        volumes: [{ name: "data", persistentVolumeClaim: { claimName } }],
        terminationGracePeriodSeconds: 0,
      },
    });
  const nodeOfPod = async (name: string) => {
    const { body } = await cluster.server.call("GET", `${PODS}/${name}`);
    return (body["spec"] as { nodeName?: string }).nodeName;
  };
  const bound = (claimName: string) =>
    cluster.until(`bound claim "${claimName}"`, () => {
      const claim = cluster.claim(claimName);
      return claim?.status?.phase === "Bound" && claim;
    });

  test("has a pod's volume made on a node that has room, where the pod then goes", async () => {
    await cluster.createClaim({ name: "large", storage: "5Gi" });
    await createPod("large", "large");
    const claim = await bound("large");
    const volume = cluster.volumeOf(claim);
    assert.deepEqual([volume && nodeOf(volume), volume?.spec.claimRef?.name], ["worker-1", "large"]);
    assert.deepEqual(claim.status?.capacity, { storage: "5Gi" });
    await cluster.until("scheduled pod", () => cluster.reasons("large").includes("Scheduled"));
    assert.equal(await nodeOfPod("large"), "worker-1");
  });

  test("has a pod wait when no node has room, and go on when there is", async () => {
    await cluster.until("less capacity", () =>
      cluster.capacities().some(({ capacity, nodeTopology }) => {
        return nodeTopology.matchLabels[TOPOLOGY_KEY] === "worker-1" && capacity === "3Gi";
      }),
    );
    await cluster.createClaim({ name: "waits", storage: "4Gi" });
    await createPod("waits", "waits");
    await cluster.until("refusal", () =>
      cluster.messages("waits").some((message) => message.includes("did not have enough free storage")),
    );
    await cluster.server.call("DELETE", `${PODS}/large`);
    const large = await cluster.claims.get({ namespace: "default", name: "large" });
    await cluster.claims.delete({ namespace: "default", name: "large" }, large.metadata.uid ?? "");
    await cluster.until("end of the volume", () => cluster.volumeOf(large) === undefined);
    assert.deepEqual(await nodes[1]?.files.find(`pvc-${large.metadata.uid}`), undefined);
    await bound("waits");
  });

  test("grows a volume up to what the kubelet has to do", async () => {
    const key = { namespace: "default", name: "waits" };
    await cluster.claims.patch(key, { spec: { resources: { requests: { storage: "6Gi" } } } });
    await cluster.until("pending resize", () => {
      return cluster.claim("waits")?.status?.allocatedResourceStatuses?.["storage"] === "NodeResizePending";
    });
    const claim = await cluster.claims.get(key);
    assert.deepEqual(cluster.volumeOf(claim)?.spec.capacity, { storage: "6Gi" });
  });

  // The procedure of docs/volumes-local.md for a volume whose object is gone.
  test("gives a kept file to a new claim by a volume written by hand, and removes it with that", async () => {
    const key = { namespace: "default", name: "kept" };
    await cluster.createClaim({ name: "kept", storage: "100Mi" });
    await createPod("kept", "kept");
    const first = await bound("kept");
    const { volumeName = "" } = first.spec;
    const made = await cluster.volumes.patch(
      { name: volumeName },
      { spec: { persistentVolumeReclaimPolicy: "Retain" } },
    );
    await cluster.server.call("DELETE", `${PODS}/kept`);
    await cluster.claims.delete(key, first.metadata.uid ?? "");
    await cluster.until("release", () => cluster.volumeOf(first)?.status?.phase === "Released");
    await cluster.volumes.delete({ name: volumeName }, made.metadata.uid ?? "");
    await cluster.until("end of the object", () => cluster.volumeOf(first) === undefined);
    const node = nodes[nodeOf(made) === "worker-0" ? 0 : 1];
    assert.notEqual(await node?.files.find(volumeName), undefined);

    const { annotations = {}, finalizers = [] } = made.metadata;
    const claimRef = { apiVersion: "v1", kind: "PersistentVolumeClaim", ...key };
    const { "pv.kubernetes.io/provisioned-by": provisionedBy = "" } = annotations;
    await cluster.server.create("/api/v1/persistentvolumes", {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: volumeName, annotations: { "pv.kubernetes.io/provisioned-by": provisionedBy }, finalizers },
      spec: { ...made.spec, persistentVolumeReclaimPolicy: "Delete", claimRef },
    });
    await cluster.createClaim({ name: "kept", storage: "100Mi" });
    const second = await bound("kept");
    assert.deepEqual([second.spec.volumeName, second.metadata.uid === first.metadata.uid], [volumeName, false]);
    await cluster.claims.delete(key, second.metadata.uid ?? "");
    await cluster.until("end of the volume", () => cluster.volumeOf(first) === undefined);
    assert.equal(await node?.files.find(volumeName), undefined);
  });
});
