/** Whole local clusters with real QEMU and swtpm; their machines find no system on the disk and stay in firmware. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { endpointAddress } from "../addressing.ts";
import { endProcess, findByTagPrefix, identify, isAlive, type ProcessIdentity } from "../host/process-identity.ts";
import { poll } from "../host/poll.ts";
import { spawnDetached } from "../host/spawn-detached.ts";
import { missingTools, temporaryFolder } from "../testing.ts";
import { ensureLocalCluster } from "./ensure.ts";
import { resetNode, startNode, stopNode } from "./node-control.ts";
import { chooseRunFolder, workspacePaths } from "./paths.ts";
import { capture, consoleLog, loadRecords, tpmCaCertificate } from "./records.ts";
import type { LocalClusterSpec } from "./spec.ts";
import { loadState } from "./state.ts";
import { type LocalStatus, localStatus } from "./status.ts";
import { processTag } from "./tags.ts";
import { terminateLocal } from "./terminate.ts";

const options = { skip: missingTools("qemu-system-x86_64", "swtpm"), timeout: 300_000 };

interface Workspace {
  workspaceDir: string;
  spec: LocalClusterSpec;
  tagPrefix: string;
}

async function workspace(t: TestContext): Promise<Workspace> {
  const workspaceDir = await temporaryFolder(t, async (folder) => void (await terminateLocal(folder)));
  const imagePath = join(workspaceDir, "image.raw");
  await writeFile(imagePath, new Uint8Array(1024 * 1024));
  const spec: LocalClusterSpec = {
    uid: workspaceDir.replaceAll(/[^A-Za-z0-9]/g, ""),
    name: "test",
    imagePath,
    controlPlanes: 1,
    workers: 1,
    vcpus: 1,
    memoryMiB: 512,
    stateDiskGiB: 1,
    hostPorts: [],
    throwawayDisks: true,
    accel: "tcg",
  };
  return { workspaceDir, spec, tagPrefix: processTag(await chooseRunFolder(workspaceDir), "") };
}

/** Names and pids of everything that runs. */
async function running(workspaceDir: string): Promise<Record<string, number | null>> {
  const status = await localStatus(workspaceDir);
  assert.ok(status !== undefined);
  const nodes = status.nodes.flatMap((n) => [
    [`${n.name}/qemu`, n.machine.pid] as const,
    [`${n.name}/tpm`, n.tpm.pid] as const,
  ]);
  return Object.fromEntries([["netd", status.netd.pid], ["gateway", status.gateway.pid], ...nodes]);
}

function machineOf(status: LocalStatus | undefined, name: string): string | undefined {
  return status?.nodes.find((node) => node.name === name)?.machine.state;
}

async function kill(pid: number | null | undefined): Promise<void> {
  const identity = identify(pid ?? 0);
  assert.ok(identity !== undefined);
  await endProcess(identity);
}

test(
  "ensureLocalCluster() makes a cluster, does nothing the second time, and terminateLocal() leaves nothing",
  options,
  async (t) => {
    const { workspaceDir, spec, tagPrefix } = await workspace(t);
    const made = await ensureLocalCluster(spec, { workspaceDir });
    const before = await running(workspaceDir);
    assert.equal(Object.keys(before).length, 6);
    assert.ok(Object.values(before).every((pid) => pid !== null));
    assert.deepEqual(await loadRecords(workspaceDir), made.nodes);
    assert.equal(await tpmCaCertificate(workspaceDir), made.tpmCaCertificate);
    assert.deepEqual(
      made.nodes.map((node) => [node.name, node.role, node.address]),
      [
        ["control-plane-0", "control-plane", "10.42.0.10"],
        ["worker-0", "worker", "10.42.0.100"],
      ],
    );

    assert.deepEqual(await ensureLocalCluster(spec, { workspaceDir }), made);
    assert.deepEqual(await running(workspaceDir), before);
    await resetNode(workspaceDir, "worker-0");
    await consoleLog(workspaceDir, "worker-0");

    assert.deepEqual(await terminateLocal(workspaceDir), { endedProcesses: 6 });
    assert.deepEqual(findByTagPrefix(tagPrefix), []);
    assert.deepEqual(await readdir(workspaceDir), ["image.raw"]);
    await assert.rejects(readdir(await chooseRunFolder(workspaceDir)), { code: "ENOENT" });
    assert.equal(await localStatus(workspaceDir), undefined);
    await terminateLocal(workspaceDir);
  },
);

test("ensureLocalCluster() starts what died, under the same identities, and status names it", options, async (t) => {
  const { workspaceDir, spec } = await workspace(t);
  const made = await ensureLocalCluster(spec, { workspaceDir });
  const before = await running(workspaceDir);
  for (const name of ["netd", "gateway", "worker-0/qemu"]) await kill(before[name]);
  const dead = await localStatus(workspaceDir);
  assert.deepEqual([dead?.netd.state, dead?.gateway.state, machineOf(dead, "worker-0")], ["dead", "dead", "dead"]);
  assert.equal(machineOf(dead, "control-plane-0"), "running");

  assert.deepEqual((await ensureLocalCluster(spec, { workspaceDir })).nodes, made.nodes);
  const after = await running(workspaceDir);
  assert.equal(after["control-plane-0/qemu"], before["control-plane-0/qemu"]);
  for (const name of ["netd", "gateway", "worker-0/qemu"]) assert.notEqual(after[name], before[name]);
  await poll(
    async () => {
      const ports = Object.values((await localStatus(workspaceDir))?.network?.ports ?? {});
      return ports.length === 3 && ports.every((port) => port.connected) ? true : undefined;
    },
    { timeoutMs: 60_000, onTimeout: () => new Error("not all machines came back to the switch") },
  );
});

test("ensureLocalCluster() adds and removes nodes while the others run", options, async (t) => {
  const { workspaceDir, spec } = await workspace(t);
  const first = await ensureLocalCluster(spec, { workspaceDir });
  const before = await running(workspaceDir);
  const changed = { ...spec, controlPlanes: 2, workers: 0 };
  const kept = await ensureLocalCluster(changed, { workspaceDir, keepSurplus: true });
  assert.deepEqual(
    [kept.surplus, kept.nodes.map((node) => node.name).toSorted()],
    [["worker-0"], ["control-plane-0", "control-plane-1", "worker-0"]],
  );
  assert.equal((await running(workspaceDir))["worker-0/qemu"], before["worker-0/qemu"]);
  const more = await ensureLocalCluster(changed, { workspaceDir });
  assert.deepEqual(more.surplus, []);
  assert.deepEqual(more.nodes.map((node) => node.name).toSorted(), ["control-plane-0", "control-plane-1"]);
  const after = await running(workspaceDir);
  for (const name of ["netd", "gateway", "control-plane-0/qemu"]) assert.equal(after[name], before[name]);
  assert.deepEqual(Object.keys((await localStatus(workspaceDir))?.network?.ports ?? {}).toSorted(), [
    "control-plane-0",
    "control-plane-1",
    "gateway",
  ]);
  const again = await ensureLocalCluster(spec, { workspaceDir });
  const digest = (nodes: typeof first.nodes): string | undefined => nodes.find((n) => n.name === "worker-0")?.ekDigest;
  assert.notEqual(digest(again.nodes), digest(first.nodes));
});

test("stopNode() and startNode() switch one machine off and on, and ensure leaves it off", options, async (t) => {
  const { workspaceDir, spec } = await workspace(t);
  const made = await ensureLocalCluster(spec, { workspaceDir });
  await stopNode(workspaceDir, "worker-0");
  assert.equal(machineOf(await localStatus(workspaceDir), "worker-0"), "stopped");
  await ensureLocalCluster(spec, { workspaceDir });
  assert.equal(machineOf(await localStatus(workspaceDir), "worker-0"), "stopped");
  await assert.rejects(resetNode(workspaceDir, "worker-0"), { code: "qmp-failed" });
  await startNode(workspaceDir, "worker-0");
  assert.equal(machineOf(await localStatus(workspaceDir), "worker-0"), "running");
  assert.deepEqual(await loadRecords(workspaceDir), made.nodes);
  await assert.rejects(stopNode(workspaceDir, "worker-7"), { code: "node-unknown" });
  const file = join(workspaceDir, "capture.pcap");
  await capture(workspaceDir, file);
  await capture(workspaceDir, null);
  assert.equal((await readFile(file)).length >= 24, true);
});

test("ensureLocalCluster() killed at any step is finished by the next, with one process each", options, async (t) => {
  const { workspaceDir, spec, tagPrefix } = await workspace(t);
  const steps: string[] = [];
  await ensureLocalCluster(spec, { workspaceDir, onProgress: ({ step }) => steps.push(step) });
  await terminateLocal(workspaceDir);
  assert.ok(steps.length >= 6);
  for (const step of new Set(steps)) {
    await killedAt(step, workspaceDir, spec);
    const made = await ensureLocalCluster(spec, { workspaceDir });
    assert.equal(made.nodes.length, 2, step);
    const pids = new Set(Object.values(await running(workspaceDir)));
    assert.deepEqual(pids, new Set(findByTagPrefix(tagPrefix).map((identity) => identity.pid)), step);
    await terminateLocal(workspaceDir);
    await killedAt(step, workspaceDir, spec);
    await terminateLocal(workspaceDir);
    assert.deepEqual([findByTagPrefix(tagPrefix), await readdir(workspaceDir)], [[], ["image.raw"]], step);
  }
});

/** Runs ensure in a process of its own, which is killed as soon as it says that it begins `step`. */
async function killedAt(step: string, workspaceDir: string, spec: LocalClusterSpec): Promise<void> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "ensure-child.ts"), workspaceDir, JSON.stringify(spec)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const exited = once(child, "exit");
  for await (const line of createInterface(child.stdout)) if (line === step) child.kill("SIGKILL");
  await exited;
}

test("a process that was started but not written down is adopted, and ended by terminate", options, async (t) => {
  const { workspaceDir, spec, tagPrefix } = await workspace(t);
  await ensureLocalCluster(spec, { workspaceDir });
  const before = await running(workspaceDir);
  await forgetProcesses(workspaceDir);
  await ensureLocalCluster(spec, { workspaceDir });
  const after = await running(workspaceDir);
  assert.deepEqual(after, before);
  await rm(workspaceDir, { recursive: true });
  await terminateLocal(workspaceDir);
  assert.deepEqual(findByTagPrefix(tagPrefix), []);
  await assert.rejects(readdir(await chooseRunFolder(workspaceDir)), { code: "ENOENT" });
});

/** Leaves the state file as a run would that was killed right after it had started everything. */
async function forgetProcesses(workspaceDir: string): Promise<void> {
  const path = workspacePaths(workspaceDir).state;
  const state = await loadState(path);
  assert.ok(state !== undefined);
  const nodes = state.nodes.map((node) => ({ ...node, swtpm: null, qemu: null }));
  await writeFile(path, JSON.stringify({ ...state, netd: null, gateway: null, nodes }));
}

test("terminateLocal() never touches a process that got a recorded pid", options, async (t) => {
  const { workspaceDir, spec } = await workspace(t);
  await ensureLocalCluster(spec, { workspaceDir });
  const bystander = await sleeper(t);
  const path = workspacePaths(workspaceDir).state;
  const state = await loadState(path);
  assert.ok(state?.netd !== null && state?.netd !== undefined);
  const recycled = { ...bystander, startTime: state.netd.startTime };
  await writeFile(path, JSON.stringify({ ...state, gateway: recycled }));
  await terminateLocal(workspaceDir);
  assert.equal(isAlive(bystander), true);
});

async function sleeper(t: TestContext): Promise<ProcessIdentity> {
  const logPath = join(await temporaryFolder(t), "log");
  const command = { program: "/bin/sleep", args: ["600"] };
  const identity = await spawnDetached({ command, args: [], tag: "test#bystander", logPath });
  t.after(() => endProcess(identity));
  return identity;
}

test("ensureLocalCluster() says what is wrong with spec, image, memory, ports and workspace", options, async (t) => {
  const { workspaceDir, spec, tagPrefix } = await workspace(t);
  const refused = async (change: Partial<LocalClusterSpec>, code: string): Promise<void> => {
    await assert.rejects(ensureLocalCluster({ ...spec, ...change }, { workspaceDir }), { code });
  };
  await refused({ controlPlanes: 0 }, "spec-invalid");
  await refused({ imagePath: join(workspaceDir, "none.raw") }, "image-missing");
  await refused({ memoryMiB: 16_000_000 }, "memory-low");
  const server = createServer().listen(9000, endpointAddress(spec.uid));
  await once(server, "listening");
  await refused({}, "port-busy");
  server.close();
  await once(server, "close");
  assert.deepEqual(findByTagPrefix(tagPrefix), []);
  await ensureLocalCluster({ ...spec, workers: 0 }, { workspaceDir });
  await refused({ uid: "another" }, "workspace-stale");
  await assert.rejects(loadRecords(join(workspaceDir, "none")), { code: "cluster-missing" });
});

test(
  "a node with a foreign TPM authority has a certificate that the cluster's authority did not issue",
  options,
  async (t) => {
    const { workspaceDir, spec } = await workspace(t);
    const nodes = { "worker-0": { foreignTpmCa: true } };
    await ensureLocalCluster({ ...spec, nodes }, { workspaceDir });
    const { root } = workspacePaths(workspaceDir);
    const foreign = await readFile(join(root, "foreign-tpm-ca/worker-0/certificate.pem"), "utf8");
    assert.notEqual(foreign, await tpmCaCertificate(workspaceDir));
  },
);
