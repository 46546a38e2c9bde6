import { access, rm } from "node:fs/promises";
import { join } from "node:path";
import { stateDiskUuid } from "@constellation/keys";
import { nodeAddresses } from "../addressing.ts";
import { makePrivateFolder, writeFileAtomic } from "../host/atomic-file.ts";
import { programError } from "../host/no-space.ts";
import { endProcess, findByTag, isAlive, type ProcessIdentity } from "../host/process-identity.ts";
import { poll } from "../host/poll.ts";
import { spawnDetached } from "../host/spawn-detached.ts";
import { LocalError } from "../errors.ts";
import { QmpClient } from "../qmp.ts";
import { firmware, toolCommand } from "../tools-tree.ts";
import { TpmAuthority } from "../tpm/authority.ts";
import { createTpm, logTail } from "../tpm/create-tpm.ts";
import { startSwtpm } from "../tpm/swtpm.ts";
import { machineArguments } from "../vm/arguments.ts";
import { copyOnce, makeSparseDisk } from "../vm/disks.ts";
import type { LocalContext } from "./context.ts";
import { waitFor } from "./network.ts";
import { type NodePaths, nodePaths, type WorkspacePaths } from "./paths.ts";
import type { NodeState, StateFile } from "./state.ts";
import { liveProcess, processTag } from "./tags.ts";

const TPM_START_TIMEOUT_MS = 30_000;

/** Where the processes and files of a node of this state are. */
function pathsOf(file: StateFile, paths: WorkspacePaths, name: string): NodePaths {
  return nodePaths(paths.root, file.state.runFolder, name);
}

function tagOf(file: StateFile, node: NodeState, purpose: "swtpm" | "qemu"): string {
  return processTag(file.state.runFolder, `${purpose}/${node.name}`);
}

/** Makes a defined node's TPM, certifies it and records the node; a node that is ready already is left alone. */
export async function provisionNode(
  file: StateFile,
  paths: WorkspacePaths,
  node: NodeState,
  context: LocalContext,
): Promise<void> {
  if (node.phase !== "defined") return;
  context.onProgress?.({ step: `make ${node.name}`, detail: "TPM with certified endorsement key" });
  const nodeFiles = pathsOf(file, paths, node.name);
  await endAll(findByTag(tagOf(file, node, "swtpm")));
  await makePrivateFolder(nodeFiles.folder);
  const authority = await authorityFor(file, paths, node);
  const ekDigest = await createTpm(nodeFiles.swtpm, authority, tagOf(file, node, "swtpm"), context.signal);
  node.record = {
    name: node.name,
    role: node.role,
    ekDigest: Buffer.from(ekDigest).toString("hex"),
    diskUuid: stateDiskUuid(ekDigest),
    ...nodeAddresses(file.state.spec.uid, node.role, node.index),
  };
  node.phase = "ready";
  await file.save();
}

async function authorityFor(file: StateFile, paths: WorkspacePaths, node: NodeState): Promise<TpmAuthority> {
  const { uid, nodes } = file.state.spec;
  if (nodes?.[node.name]?.foreignTpmCa !== true) {
    return await TpmAuthority.open(paths.tpmAuthority, `Constellation local TPM CA ${uid}`);
  }
  const folder = join(paths.root, "foreign-tpm-ca", node.name);
  return await TpmAuthority.open(folder, "Foreign TPM CA");
}

/** Whether the node's machine runs; updates the state's identities, does not save it. */
export function machineRuns(file: StateFile, node: NodeState): boolean {
  node.swtpm = liveProcess(node.swtpm, tagOf(file, node, "swtpm")) ?? node.swtpm;
  node.qemu = liveProcess(node.qemu, tagOf(file, node, "qemu")) ?? node.qemu;
  return node.qemu !== null && isAlive(node.qemu);
}

/** Starts a node's TPM and machine, unless the machine runs. */
export async function startMachine(
  file: StateFile,
  paths: WorkspacePaths,
  node: NodeState,
  context: LocalContext,
): Promise<void> {
  if (machineRuns(file, node)) return await file.save();
  context.onProgress?.({ step: `start ${node.name}` });
  const nodeFiles = pathsOf(file, paths, node.name);
  await prepareFiles(file, node, nodeFiles);
  await endAll(findByTag(tagOf(file, node, "swtpm")));
  node.swtpm = await startSwtpm(nodeFiles.swtpm, tagOf(file, node, "swtpm"));
  await file.save();
  await waitForTpm(nodeFiles, node.swtpm, context.signal);
  await rm(nodeFiles.qmpSocket, { force: true });
  node.qemu = await spawnDetached({
    command: toolCommand("qemu-system-x86_64"),
    args: machineArguments(machineOptions(file, node, nodeFiles)),
    tag: tagOf(file, node, "qemu"),
    logPath: nodeFiles.qemuLog,
  });
  await file.save();
  await waitFor(node.name, node.qemu, nodeFiles.qemuLog, context.signal, () =>
    QmpClient.with(nodeFiles.qmpSocket, (qmp) => qmp.execute("query-status")),
  );
}

async function prepareFiles(file: StateFile, node: NodeState, nodeFiles: NodePaths): Promise<void> {
  const { spec } = file.state;
  await makeSparseDisk(nodeFiles.stateDisk, spec.stateDiskGiB * 2 ** 30);
  await copyOnce(firmware().variables, nodeFiles.firmwareVariables);
  const controlPlaneAddresses = file.state.nodes
    .filter((n) => n.role === "control-plane" && n.phase !== "removing")
    .map((n) => nodeAddresses(spec.uid, n.role, n.index).address);
  const hint = { platform: "qemu", role: node.role, controlPlaneAddresses };
  await writeFileAtomic(nodeFiles.metadata, JSON.stringify(hint));
}

function machineOptions(file: StateFile, node: NodeState, nodePathsOfNode: NodePaths) {
  const { spec, accelerator } = file.state;
  const own = spec.nodes?.[node.name] ?? {};
  return {
    name: node.name,
    accelerator,
    vcpus: own.vcpus ?? spec.vcpus,
    memoryMiB: own.memoryMiB ?? spec.memoryMiB,
    mac: nodeAddresses(spec.uid, node.role, node.index).mac,
    imagePath: own.imagePath ?? spec.imagePath,
    firmwareCode: firmware().code,
    throwawayDisks: spec.throwawayDisks ?? false,
    smbios: [...(spec.extraSmbios ?? []), ...(own.extraSmbios ?? [])],
    paths: nodePathsOfNode,
  };
}

/** QEMU gives up at once when the TPM's control socket is not there yet. */
async function waitForTpm(
  nodeFiles: NodePaths,
  identity: ProcessIdentity,
  signal: AbortSignal | undefined,
): Promise<void> {
  await poll(
    async () => {
      if (!isAlive(identity)) {
        throw programError("process-died", `Start swtpm failed: ${await logTail(nodeFiles.swtpm.logPath)}`);
      }
      await access(nodeFiles.swtpm.controlSocket);
      return true;
    },
    {
      timeoutMs: TPM_START_TIMEOUT_MS,
      signal,
      onTimeout: (cause) => new LocalError("process-stuck", "Start swtpm failed: it makes no socket", { cause }),
    },
  );
}

/** Ends a node's machine and TPM, found by record or by tag; its files stay. */
export async function stopMachine(file: StateFile, node: NodeState): Promise<void> {
  await endRecorded(node.qemu, tagOf(file, node, "qemu"));
  await endRecorded(node.swtpm, tagOf(file, node, "swtpm"));
  node.qemu = null;
  node.swtpm = null;
}

/** Ends the recorded process and whatever else carries its tag. */
export async function endRecorded(recorded: ProcessIdentity | null, tag: string): Promise<void> {
  if (recorded !== null) await endProcess(recorded);
  await endAll(findByTag(tag));
}

async function endAll(identities: readonly ProcessIdentity[]): Promise<void> {
  for (const identity of identities) await endProcess(identity);
}

/** Ends a node and removes its files and sockets; the state no longer has it afterwards. */
export async function removeNode(file: StateFile, paths: WorkspacePaths, node: NodeState): Promise<void> {
  node.phase = "removing";
  await file.save();
  await stopMachine(file, node);
  const nodeFiles = pathsOf(file, paths, node.name);
  for (const path of [nodeFiles.folder, nodeFiles.qmpSocket, nodeFiles.swtpm.controlSocket]) {
    await rm(path, { recursive: true, force: true });
  }
  file.state.nodes = file.state.nodes.filter((n) => n !== node);
  await file.save();
}
