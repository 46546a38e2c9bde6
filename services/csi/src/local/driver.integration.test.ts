import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { KubeApi } from "@constellation/kube";
import { createLog } from "@constellation/pod";
import { createLocalDriver } from "./driver.ts";
import { type Claim, CLAIMS, type Volume, VOLUMES } from "./kube-types.ts";
import { DRIVER_NAME, FINALIZER, TOPOLOGY_KEY } from "./names.ts";
import { planVolume } from "./persistent-volume.ts";
import { formatQuantity } from "./quantity.ts";
import type { FileSystemSpace, NodeSystem } from "./system.ts";
import { nodeSystem } from "./system.ts";
import { TestCluster } from "./testing/cluster.ts";
import { NO_RESERVE, type TestNode, testNode, volumeId } from "./testing/node.ts";
import { Wakeup } from "./wakeup.ts";

const GIB = 1024 ** 3;
const name = (claim: { metadata: { uid?: string } }): string => `pvc-${claim.metadata.uid}`;

describe("the provisioner with a real API server", { timeout: 300_000 }, () => {
  let cluster: TestCluster;
  let api: KubeApi;
  let node: TestNode;
  let space: FileSystemSpace;
  let system: NodeSystem;
  const running: { stop: () => Promise<void> }[] = [];

  before(async () => {
    cluster = await TestCluster.start();
    api = await cluster.addNode("worker-0");
    system = { ...nodeSystem, statfs: () => Promise.resolve(space) };
  });
  after(() => cluster?.stop());

  /** Runs the driver of a node, as a process of its own would. */
  async function start(over: { nodeName?: string; api?: KubeApi; folder?: string; graceMs?: number } = {}) {
    const stop = new AbortController();
    const lines: string[] = [];
    const wakeup = new Wakeup();
    const write = (line: string): void => {
      lines.push(line);
      wakeup.wake();
    };
    const log = createLog({ now: () => new Date(), write });
    const driver = await createLocalDriver(
      {
        nodeName: over.nodeName ?? "worker-0",
        version: "v0",
        folder: over.folder ?? node.files.folder,
        reserve: NO_RESERVE,
        orphanGraceMs: over.graceMs ?? 600_000,
      },
      { api: over.api ?? api, log, system },
    );
    const ended = driver.run(stop.signal);
    const process = {
      async stop(): Promise<void> {
        stop.abort();
        await ended;
      },
      /** Waits until its log has this often what a pattern says. */
      async heard(pattern: RegExp, times = 1): Promise<void> {
        const bound = AbortSignal.timeout(30_000);
        while (lines.filter((line) => pattern.test(line)).length < times) {
          if (bound.aborted) throw new Error(`Wait failed: got no ${String(pattern)} in ${lines.join("")}`);
          await wakeup.wait(30_000, bound);
        }
      },
    };
    running.push(process);
    return process;
  }

  async function stopAll(): Promise<void> {
    for (const process of running.splice(0)) await process.stop();
  }

  before(async () => {
    node = await testNode();
    space = { totalBytes: 10 * GIB, availableBytes: 10 * GIB };
  });
  afterEach(async () => {
    await stopAll();
    space = { totalBytes: 10 * GIB, availableBytes: 10 * GIB };
  });
  after(() => node?.remove());

  const files = async () => (await readdir(node.files.folder)).toSorted();
  const made = async (claimName: string, storage: string) => {
    await cluster.createClaim({ name: claimName, storage });
    const claim = await cluster.selectNode(claimName, "worker-0");
    await cluster.bind(claim);
    return claim;
  };

  test("makes the volume of a claim that the scheduler gave to this node, and of no other", async () => {
    await start();
    await cluster.createClaim({ name: "waits", storage: "1Gi" });
    await cluster.createClaim({ name: "elsewhere", storage: "1Gi" });
    await cluster.selectNode("elsewhere", "worker-9");
    await cluster.createClaim({ name: "here", storage: "1.5Gi" });
    const claim = await cluster.selectNode("here", "worker-0");
    const volume = await cluster.until("volume", () => cluster.volumeOf(claim));
    await cluster.until("event", () => cluster.reasons("here").includes("ProvisioningSucceeded"));
    assert.deepEqual(volume.spec.capacity, { storage: "1536Mi" });
    assert.deepEqual(volume.metadata.finalizers?.includes(FINALIZER), true);
    assert.equal(volume.spec.claimRef?.uid, claim.metadata.uid);
    assert.equal(volume.spec.csi?.volumeHandle, name(claim));
    assert.equal(volume.spec.csi?.fsType, "ext4");
    assert.deepEqual(volume.spec.nodeAffinity?.required?.nodeSelectorTerms, [
      { matchExpressions: [{ key: TOPOLOGY_KEY, operator: "In", values: ["worker-0"] }] },
    ]);
    assert.deepEqual(await files(), [`${name(claim)}.img`]);
    assert.equal((await node.files.require(name(claim))).sizeBytes, 1.5 * GIB);
    await cluster.bind(claim);
  });

  test("says that a volume is to have integrity, and that it is a block volume", async () => {
    await start();
    await cluster.createClaim({
      name: "integrity",
      storage: "100Mi",
      storageClassName: "integrity-encrypted-rwo",
      volumeMode: "Block",
      accessModes: ["ReadWriteOncePod"],
    });
    const claim = await cluster.selectNode("integrity", "worker-0");
    const { spec } = await cluster.until("volume", () => cluster.volumeOf(claim));
    assert.deepEqual(spec.csi?.volumeAttributes, { "csi.constellation.internal/integrity": "true" });
    assert.deepEqual([spec.volumeMode, spec.csi?.fsType], ["Block", undefined]);
    assert.deepEqual(spec.accessModes, ["ReadWriteOncePod"]);
  });

  test("refuses a claim that a local volume can't be, and says why", async () => {
    await start();
    await cluster.createClaim({ name: "shared", storage: "100Mi", accessModes: ["ReadWriteMany"] });
    const claim = await cluster.selectNode("shared", "worker-0");
    const [message] = await cluster.until(
      "event",
      () => cluster.messages("shared").length > 0 && cluster.messages("shared"),
    );
    assert.match(message ?? "", /accessModes: got "ReadWriteMany", wanted ReadWriteOnce or ReadWriteOncePod/);
    assert.equal(cluster.volumeOf(claim), undefined);
    await cluster.deleteClaim("shared");
  });

  test("gives a claim back to the scheduler when the disk is full, and never promises too much", async () => {
    const present = (await node.files.list()).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    space = { totalBytes: present + 3 * GIB, availableBytes: present + 3 * GIB };
    await start();
    const claims: Claim[] = [];
    for (const number of [0, 1, 2, 3]) {
      await cluster.createClaim({ name: `full-${number}`, storage: "2Gi" });
      claims.push(await cluster.selectNode(`full-${number}`, "worker-0"));
    }
    // One fits. The others lose the node that the scheduler chose for them.
    const given = () =>
      claims.filter(({ metadata }) => {
        const annotations = cluster.claim(metadata.name)?.metadata.annotations ?? {};
        return !("volume.kubernetes.io/selected-node" in annotations);
      });
    await cluster.until("three claims given back", () => given().length === 3);
    await cluster.until("one volume", () => claims.filter((claim) => cluster.volumeOf(claim)).length === 1);
    const [first] = given();
    const [message] = cluster.messages(first?.metadata.name ?? "");
    assert.match(message ?? "", /Reserve space failed: got "1Gi" left for volumes on this node, wanted "2Gi"/);
    for (const { metadata } of claims) await cluster.deleteClaim(metadata.name);
    await cluster.until("no volumes", () => claims.every((claim) => cluster.volumeOf(claim) === undefined));
  });

  test("removes file and object when the claim is gone", async () => {
    await start();
    const claim = await made("removed", "200Mi");
    assert.equal((await files()).includes(`${name(claim)}.img`), true);
    await cluster.deleteClaim("removed");
    await cluster.until("end of the volume", () => cluster.volumeOf(claim) === undefined);
    assert.equal((await files()).includes(`${name(claim)}.img`), false);
  });

  test("keeps file and object under the policy Retain, and the file when that object is deleted", async () => {
    const process = await start();
    const claim = await made("retained", "200Mi");
    const key = { name: name(claim) };
    await cluster.volumes.patch(key, { spec: { persistentVolumeReclaimPolicy: "Retain" } });
    await cluster.deleteClaim("retained");
    const volume = await cluster.until("release", () => {
      const seen = cluster.volumeOf(claim);
      return seen?.status?.phase === "Released" && seen;
    });
    await cluster.volumes.delete(key, volume.metadata.uid ?? "");
    await cluster.volumes.patch(key, { metadata: { finalizers: [FINALIZER] } }).catch(() => undefined);
    await cluster.until("end of the object", () => cluster.volumeOf(claim) === undefined);
    assert.equal((await files()).includes(`${name(claim)}.img`), true);
    await process.heard(/"volume-removed".*"fate":"object"/);
    await node.files.remove(name(claim));
  });

  test("goes on when it was cut off between file and object", async () => {
    await cluster.createClaim({ name: "cut-off", storage: "200Mi" });
    const claim = await cluster.selectNode("cut-off", "worker-0");
    // What is there then: a file, perhaps of no size yet.
    await writeFile(node.files.pathOf(name(claim)), "");
    await start();
    await cluster.until("volume", () => cluster.volumeOf(claim));
    assert.equal((await node.files.require(name(claim))).sizeBytes, 200 * 1024 ** 2);
    await cluster.deleteClaim("cut-off");
    await cluster.until("end of the volume", () => cluster.volumeOf(claim) === undefined);
  });

  test("goes on when it was cut off between file and the end of the object", async () => {
    let process = await start();
    const claim = await made("cut-end", "200Mi");
    await process.stop();
    await node.files.remove(name(claim));
    await cluster.deleteClaim("cut-end");
    await cluster.volumes.delete({ name: name(claim) }, cluster.volumeOf(claim)?.metadata.uid ?? "");
    process = await start();
    await cluster.until("end of the volume", () => cluster.volumeOf(claim) === undefined);
  });

  test("takes the volume that another node has made for the claim meanwhile", async () => {
    const other = await testNode();
    const otherApi = await cluster.addNode("worker-1");
    const process = await start({ nodeName: "worker-1", api: otherApi, folder: other.files.folder });
    await cluster.createClaim({ name: "contested", storage: "200Mi" });
    let claim = await cluster.selectNode("contested", "worker-1");
    await cluster.until("volume", () => cluster.volumeOf(claim));
    await process.stop();
    claim = await cluster.selectNode("contested", "worker-0");
    await node.files.ensure(name(claim), 200 * 1024 ** 2);
    const mine = await start();
    await mine.heard(/"volume-elsewhere".*"removed":true/);
    assert.equal((await files()).includes(`${name(claim)}.img`), false);
    const volume = cluster.volumeOf(claim);
    assert.deepEqual(volume?.spec.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions?.[0]?.values, [
      "worker-1",
    ]);
    await other.remove();
  });

  test("grows a volume as the resize protocol has it, and the kubelet ends it", async () => {
    await start();
    const claim = await made("grows", "200Mi");
    const key = { namespace: "default", name: "grows" };
    await cluster.claims.patch(key, { spec: { resources: { requests: { storage: "1Gi" } } } });
    const pending = await cluster.until("pending resize", () => {
      const seen = cluster.claim("grows");
      return seen?.status?.allocatedResourceStatuses?.["storage"] === "NodeResizePending" && seen;
    });
    assert.deepEqual(
      pending.status?.conditions?.map(({ type, status }) => [type, status]),
      [["FileSystemResizePending", "True"]],
    );
    assert.deepEqual(pending.status?.allocatedResources, { storage: "1Gi" });
    assert.deepEqual(pending.status?.capacity, { storage: "200Mi" });
    assert.deepEqual(cluster.volumeOf(claim)?.spec.capacity, { storage: "1Gi" });
    assert.equal((await node.files.require(name(claim))).sizeBytes, GIB);
  });

  test("says that a volume can't grow on a full disk, and takes a smaller wish", async () => {
    await start();
    const claim = await made("too-large", "200Mi");
    const key = { namespace: "default", name: "too-large" };
    const ask = (storage: string) => cluster.claims.patch(key, { spec: { resources: { requests: { storage } } } });
    const stateOf = () => cluster.claim("too-large")?.status?.allocatedResourceStatuses?.["storage"];
    await ask("1Ti");
    await cluster.until("refusal", () => stateOf() === "ControllerResizeInfeasible");
    await cluster.until("event", () => cluster.reasons("too-large").includes("VolumeResizeFailed"));
    assert.deepEqual(cluster.volumeOf(claim)?.spec.capacity, { storage: "200Mi" });
    await ask("300Mi");
    await cluster.until("pending resize", () => stateOf() === "NodeResizePending");
    assert.deepEqual(cluster.volumeOf(claim)?.spec.capacity, { storage: "300Mi" });
  });

  test("removes files that no volume names and nobody has written to, and no others", async () => {
    const [empty, written, foreign] = [volumeId(1), volumeId(2), volumeId(3)];
    for (const id of [empty, written, foreign]) await node.files.ensure(id, 100 * 1024 ** 2);
    await writeFile(node.files.pathOf(written), "data");
    await writeFile(join(node.files.folder, "notes.txt"), "not ours");
    // A volume that somebody made by hand under another name, and on no node at all, names its file all the same.
    await cluster.volumes.create({
      metadata: { name: "by-hand" },
      spec: {
        capacity: { storage: "100Mi" },
        accessModes: ["ReadWriteOnce"],
        persistentVolumeReclaimPolicy: "Retain",
        storageClassName: "",
        volumeMode: "Filesystem",
        csi: { driver: DRIVER_NAME, volumeHandle: foreign },
      },
    });
    const before = await files();
    const process = await start({ graceMs: 0 });
    await process.heard(/"orphan-with-data"/);
    await process.heard(/"orphan-removed"/);
    const after_ = await files();
    assert.deepEqual(
      before.filter((file) => !after_.includes(file)),
      [`${empty}.img`],
    );
    await node.files.remove(written);
  });

  test("removes nothing while the API server is away", async () => {
    await node.files.ensure(volumeId(4), 100 * 1024 ** 2);
    const nobody = new KubeApi(new URL("https://127.0.0.1:1"), () => Promise.resolve({ ca: "" }));
    const process = await start({ graceMs: 0, api: nobody });
    await process.heard(/"unreachable"/, 6);
    assert.equal((await files()).includes(`${volumeId(4)}.img`), true);
    await node.files.remove(volumeId(4));
  });

  test("may make and change volumes of its own node only", async () => {
    const volumes = api.resources(VOLUMES);
    const ofNode = (number: number, nodeName: string): Volume => {
      const claim: Claim = {
        metadata: { namespace: "default", name: "x", uid: volumeId(number).slice(4) },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "100Mi" } } },
      };
      const storageClass = { metadata: { name: "encrypted-rwo" }, provisioner: DRIVER_NAME };
      return planVolume(claim, storageClass, nodeName).volume;
    };
    const refused = { code: "forbidden" };
    await volumes.create(ofNode(11, "worker-0"));
    await assert.rejects(volumes.create(ofNode(12, "worker-1")), refused);
    const vendors = ofNode(13, "worker-0");
    const csi = { driver: "csi.vendor.example", volumeHandle: "x" };
    const { csi: _, ...spec } = vendors.spec;
    await assert.rejects(volumes.create({ ...vendors, spec: { ...spec, csi } }), refused);
    const other = await cluster.volumes.create(ofNode(14, "worker-1"));
    const policy = { spec: { persistentVolumeReclaimPolicy: "Delete" } };
    await assert.rejects(volumes.patch(other.metadata, policy), refused);
    await assert.rejects(volumes.delete(other.metadata, other.metadata.uid ?? ""), refused);
    // The encryption layer's record on volumes of other drivers.
    const foreign = await cluster.volumes.create({ ...vendors, spec: { ...spec, csi } });
    await volumes.patch(foreign.metadata, {
      metadata: { annotations: { "csi.constellation.internal/luks-uuid": "x" } },
    });
  });

  test("may say what becomes of claims of its own node only, and not change them", async () => {
    const claims = api.resources(CLAIMS);
    const annotations = { x: "y" };
    const refused = { code: "forbidden" };
    await cluster.createClaim({ name: "other-node", storage: "100Mi" });
    const other = await cluster.selectNode("other-node", "worker-1");
    await assert.rejects(claims.patch(other.metadata, { metadata: { annotations } }), refused);
    await assert.rejects(claims.patchStatus(other.metadata, { status: { phase: "Lost" } }), refused);
    await cluster.createClaim({ name: "own-node", storage: "100Mi" });
    const own = await cluster.selectNode("own-node", "worker-0");
    await claims.patch(own.metadata, { metadata: { annotations } });
    await assert.rejects(claims.patch(own.metadata, { spec: { volumeName: "pvc-of-another" } }), refused);
    await cluster.deleteClaim("own-node");
  });

  test("tells the scheduler what fits", async () => {
    await start();
    const taken = (await node.files.list()).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const wanted = formatQuantity(10 * GIB - taken);
    const [first, second] = await cluster.until("two objects of this size", () => {
      const mine = cluster.capacities().filter((each) => each.nodeTopology.matchLabels[TOPOLOGY_KEY] === "worker-0");
      return mine.length === 2 && mine.every(({ capacity }) => capacity === wanted) && mine;
    });
    const classes = new Set([first?.storageClassName, second?.storageClassName]);
    assert.deepEqual(classes, new Set(["encrypted-rwo", "integrity-encrypted-rwo"]));
    const [owner] = (first?.metadata.ownerReferences ?? []) as readonly { kind: string; name: string }[];
    assert.deepEqual([owner?.kind, owner?.name], ["Node", "worker-0"]);
    assert.equal(first?.maximumVolumeSize, wanted);
  });
});
