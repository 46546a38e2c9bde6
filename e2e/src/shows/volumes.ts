import assert from "node:assert/strict";
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { resetNode } from "@constellation/infrastructure-local";
import { type Node, type Pod, describePod, isPodReady, isReady } from "../harness/cluster-objects.ts";
import { DebugShell } from "../harness/debug-shell.ts";
import {
  flipVolumeByte,
  guestFileHas,
  syncGuest,
  type VolumeDevices,
  volumeDevices,
  volumeFiles,
} from "../harness/guest-volume.ts";
import type { Kubectl } from "../harness/kubectl.ts";
import { holderReady, inHolder, readHolder } from "../harness/holder.ts";
import { createMarker } from "../harness/marker.ts";
import { say } from "../harness/say.ts";
import { type SharedCluster, show } from "../harness/show.ts";
import { DATABASE, databaseStatefulSet, holderClaim, holderPod, LEDGER, NOTES } from "../harness/volume-workload.ts";
import { minutes, waitUntil } from "../harness/wait.ts";
import { NAMESPACE, namespace } from "../harness/workload.ts";

const START_MS = minutes(20);
const BOOT_MS = minutes(25);
const NODE = "worker-0";
const [SIZE, LARGER] = ["256Mi", "384Mi"] as const;
const KEY = "marker";
/** How long after the deletion of the pod the layer is killed, so that it is in the midst of something else each time. */
const KILL_AFTER_MS = [0, 3_000, 8_000, 15_000, 25_000] as const;

/** Sizes that the claim asks for then, and how long after that the layer is killed. */
const KILLS_IN_GROWTH = [
  ["448Mi", 500],
  ["512Mi", 4_000],
] as const;

/** A claim as users write it gets a volume of the default class. */
export function showVolume(shared: SharedCluster): void {
  const marker = createMarker();

  show(
    "a claim that names no class gets an encrypted volume, and its data outlive the pod",
    shared,
    async (cluster) => {
      const kubectl = await cluster.kubectl();
      await kubectl.apply(namespace(), holderClaim(NOTES, SIZE), holderPod(NOTES));
      await holderReady(kubectl, NOTES);
      await inHolder(kubectl, NOTES, "write", NOTES.file, marker.text, "1");
      const { spec } = await kubectl.json<Claim>(["--namespace", NAMESPACE, "get", "pvc", NOTES.name]);
      assert.equal(spec.storageClassName, "encrypted-rwo");
      await kubectl.run(["--namespace", NAMESPACE, "delete", "pod", NOTES.name]);
      await kubectl.apply(holderPod(NOTES));
      await holderReady(kubectl, NOTES);
      assert.equal((await readHolder(kubectl, NOTES)).trim(), marker.text);
      await kubectl.run(["--namespace", NAMESPACE, "delete", "pod", NOTES.name]);
      await kubectl.run(["--namespace", NAMESPACE, "delete", "pvc", NOTES.name]);
    },
  );
}

/** A StatefulSet keeps its data on an encrypted volume through all that may happen to it. */
export function showDatabase(shared: SharedCluster): void {
  const marker = createMarker();

  show("a StatefulSet gets a volume of the default class, and its database runs on it", shared, async (cluster) => {
    const kubectl = await cluster.kubectl();
    await kubectl.apply(namespace());
    await kubectl.apply(databaseStatefulSet("encrypted-rwo", SIZE));
    await databaseReady(kubectl, undefined);
    await etcdctl(kubectl, "put", KEY, marker.text);
    say(await kubectl.run(["get", "pv,storageclass,csidriver", "--output=wide"]));
  });

  show("what the database wrote is on the open volume, and not on the device below it", shared, async (cluster) => {
    const shell = new DebugShell(cluster.workspace, NODE);
    await syncGuest(shell);
    const { mappings } = await volumeDevices(shell);
    const [file] = await volumeFiles(shell);
    assert.ok(file !== undefined && mappings.length > 0, JSON.stringify(mappings));
    const open = await Promise.all(mappings.map((name) => guestFileHas(shell, `/dev/mapper/${name}`, marker.text)));
    assert.ok(open.some(Boolean), "the marker is on the open volume");
    assert.equal(await guestFileHas(shell, file, marker.text), false);
  });

  show("the data outlives the pod", shared, async (cluster) => {
    const kubectl = await cluster.kubectl();
    const before = await uidOf(kubectl);
    await kubectl.run(["--namespace", NAMESPACE, "delete", "pod", DATABASE.pod, "--wait=false"]);
    await databaseReady(kubectl, before);
    assert.equal(await stored(kubectl), marker.text);
  });

  show("the volume grows while the database runs", shared, async (cluster) => {
    const kubectl = await cluster.kubectl();
    const before = await spaceOf(kubectl);
    await askFor(kubectl, LARGER);
    await grownTo(kubectl, LARGER);
    const after = await spaceOf(kubectl);
    say(`the file system had ${before} bytes, and has ${after}`);
    assert.ok(after > before + 100 * 1024 * 1024);
    assert.equal(await stored(kubectl), marker.text);
  });

  show("kill -9 of the layer at any time leaves a volume that works, and nothing behind", shared, async (cluster) => {
    const kubectl = await cluster.kubectl();
    const shell = new DebugShell(cluster.workspace, NODE);
    for (const [index, afterMs] of KILL_AFTER_MS.entries()) {
      const before = await uidOf(kubectl);
      await kubectl.run(["--namespace", NAMESPACE, "delete", "pod", DATABASE.pod, "--wait=false"]);
      await delay(afterMs);
      await killLayer(shell, `kill ${index + 1}, ${afterMs} ms after the pod's deletion`);
      await databaseReady(kubectl, before);
      assert.equal(await stored(kubectl), marker.text);
    }
    await kubectl.apply(databaseStatefulSet("encrypted-rwo", SIZE, 0));
    await nothingOpen(shell);
    await kubectl.apply(databaseStatefulSet("encrypted-rwo", SIZE));
    await databaseReady(kubectl, undefined);
    assert.equal(await stored(kubectl), marker.text);
  });

  show("kill -9 of the layer while a volume grows leaves one that has grown", shared, async (cluster) => {
    const kubectl = await cluster.kubectl();
    const shell = new DebugShell(cluster.workspace, NODE);
    for (const [size, afterMs] of KILLS_IN_GROWTH) {
      const before = await spaceOf(kubectl);
      await askFor(kubectl, size);
      await delay(afterMs);
      await killLayer(shell, `kill ${afterMs} ms after the claim asked for ${size}`);
      await grownTo(kubectl, size);
      assert.ok((await spaceOf(kubectl)) > before + 48 * 1024 * 1024);
      assert.equal(await stored(kubectl), marker.text);
    }
  });

  show("the data outlives a reset of the node", shared, async (cluster) => {
    const kubectl = await cluster.kubectl();
    const node = await nodeNow(kubectl);
    const restarts = (await pod(kubectl)).status.containerStatuses?.[0]?.restartCount ?? 0;
    await resetNode(cluster.workspace, NODE);
    await waitUntil({ what: `${NODE} to be Ready after another boot`, timeoutMs: BOOT_MS }, async () => {
      const now = await nodeNow(kubectl);
      return now.status.nodeInfo.bootID !== node.status.nodeInfo.bootID && isReady(now) ? true : undefined;
    });
    await waitUntil({ what: "the database after the reset", timeoutMs: START_MS }, async (note) => {
      const now = await pod(kubectl);
      note(describePod(now));
      const count = now.status.containerStatuses?.[0]?.restartCount ?? 0;
      return isPodReady(now) && count > restarts ? true : undefined;
    });
    // The first calls after a boot may come too early for the way to the node.
    const value = await waitUntil({ what: "the database's answer", timeoutMs: START_MS }, () => stored(kubectl));
    assert.equal(value, marker.text);
  });
}

/** A flipped byte below a volume with integrity is an error, and no other data. */
export function showIntegrityVolume(shared: SharedCluster): void {
  const marker = createMarker();
  const lines = 600;

  show("a flipped byte below a volume with integrity is an I/O error", shared, async (cluster) => {
    const kubectl = await cluster.kubectl();
    const shell = new DebugShell(cluster.workspace, NODE);
    await kubectl.apply(namespace());
    const files = new Set(await volumeFiles(shell));
    await kubectl.apply(holderClaim(LEDGER, SIZE, "integrity-encrypted-rwo"), holderPod(LEDGER));
    await holderReady(kubectl, LEDGER);
    const probe = (...args: string[]) => inHolder(kubectl, LEDGER, ...args);
    await probe("write", LEDGER.file, marker.text, String(lines));
    const [where = 0, sizeBytes = 0] = (await probe("where", LEDGER.file)).split(" ").map(Number);
    assert.ok(where > 0 && sizeBytes >= 4 * 4096);
    const file = (await volumeFiles(shell)).find((one) => !files.has(one));
    assert.ok(file !== undefined, "the volume has a file");
    await kubectl.run(["--namespace", NAMESPACE, "delete", "pod", LEDGER.name]);
    await waitUntil({ what: "the volume to be closed", timeoutMs: START_MS }, async (note) => {
      const { loops } = await volumeDevices(shell);
      note(loops.join(" "));
      return loops.includes(basename(file)) ? undefined : true;
    });
    await flipVolumeByte(shell, file, where + 2 * 4096);
    await kubectl.apply(holderPod(LEDGER));
    await holderReady(kubectl, LEDGER);
    const args = ["--namespace", NAMESPACE, "exec", LEDGER.name, "--", "/probe", "read", LEDGER.file];
    const read = await kubectl.attempt(args);
    assert.equal(read.exitCode, 1);
    assert.equal(read.stdout, "", "no wrong data");
    assert.match(read.stderr, /input\/output error/);
  });
}

interface Claim {
  readonly spec: { readonly storageClassName: string };
  readonly status: { readonly phase: string; readonly capacity?: { readonly storage: string } };
}

function pod(kubectl: Kubectl, name: string = DATABASE.pod): Promise<Pod & { metadata: { uid: string } }> {
  return kubectl.json(["--namespace", NAMESPACE, "get", "pod", name]);
}

async function uidOf(kubectl: Kubectl): Promise<string> {
  return (await pod(kubectl)).metadata.uid;
}

function nodeNow(kubectl: Kubectl): Promise<Node> {
  return kubectl.json<Node>(["get", "node", NODE]);
}

/** Waits for a pod of the database that is ready, other than the one before. */
async function databaseReady(kubectl: Kubectl, before: string | undefined): Promise<void> {
  await waitUntil({ what: "the database", timeoutMs: START_MS }, async (note) => {
    const now = await pod(kubectl);
    note(describePod(now));
    return isPodReady(now) && now.metadata.uid !== before ? true : undefined;
  });
}

async function askFor(kubectl: Kubectl, storage: string): Promise<void> {
  const patch = { spec: { resources: { requests: { storage } } } };
  await kubectl.run(["--namespace", NAMESPACE, "patch", "pvc", DATABASE.claim, "--patch", JSON.stringify(patch)]);
}

async function grownTo(kubectl: Kubectl, storage: string): Promise<void> {
  await waitUntil({ what: `the claim to have ${storage}`, timeoutMs: START_MS }, async (note) => {
    const { status } = await kubectl.json<Claim>(["--namespace", NAMESPACE, "get", "pvc", DATABASE.claim]);
    note(JSON.stringify(status));
    return status.capacity?.storage === storage ? true : undefined;
  });
}

async function killLayer(shell: DebugShell, when: string): Promise<void> {
  const killed = (await shell.run("pkill --signal KILL --full --count 'service[.]mjs'")).trim();
  say(`${when}: ${killed} processes`);
  assert.ok(Number(killed) > 0, "the layer was running");
}

function etcdctl(kubectl: Kubectl, ...args: readonly string[]): Promise<string> {
  return kubectl.run(["--namespace", NAMESPACE, "exec", DATABASE.pod, "--", "/etcdctl", ...args]);
}

async function stored(kubectl: Kubectl): Promise<string> {
  return (await etcdctl(kubectl, "get", KEY, "--print-value-only")).trim();
}

/** Size of the volume's file system in bytes. */
async function spaceOf(kubectl: Kubectl): Promise<number> {
  return Number(await kubectl.run(["--namespace", NAMESPACE, "exec", DATABASE.pod, "--", "/probe", "space", "/data"]));
}

/** Nothing of any volume is open, mounted or attached on the node. */
async function nothingOpen(shell: DebugShell): Promise<void> {
  const none: VolumeDevices = { loops: [], mappings: [], mounts: [] };
  await waitUntil({ what: "all volumes to be closed", timeoutMs: START_MS }, async (note) => {
    const now = await volumeDevices(shell);
    note(JSON.stringify(now));
    return JSON.stringify(now) === JSON.stringify(none) ? true : undefined;
  });
}
