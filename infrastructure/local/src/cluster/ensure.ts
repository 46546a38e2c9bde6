import { probeKvm } from "../accelerator/kvm-probe.ts";
import { endpointAddress } from "../addressing.ts";
import { LocalError } from "../errors.ts";
import { makePrivateFolder } from "../host/atomic-file.ts";
import { withLock } from "../host/workspace-lock.ts";
import { TpmAuthority } from "../tpm/authority.ts";
import type { LocalContext } from "./context.ts";
import { ensureNetwork, reconcileNetwork } from "./network.ts";
import { machineRuns, provisionNode, removeNode, startMachine } from "./nodes.ts";
import { chooseRunFolder, folderIdentity, makeRunFolder, type WorkspacePaths, workspacePaths } from "./paths.ts";
import { requireDisk, requireMemory, requirePrograms } from "./preflight.ts";
import { type Accelerator, type LocalClusterSpec, surplusNodes, validateSpec, wantedNodes } from "./spec.ts";
import { loadState, type NodeRecord, type NodeState, StateFile } from "./state.ts";

/** A local cluster that runs. */
export interface LocalCluster {
  accelerator: Accelerator;
  /** Loopback address behind which all control planes stand, on ports 6443, 9000, 9999, 30081, 30090. */
  endpoint: string;
  nodes: NodeRecord[];
  /** Names of the nodes among them that the spec no longer asks for; there are some with `keepSurplus` only. */
  surplus: string[];
  /** The certificate of the cluster's TPM authority, PEM. */
  tpmCaCertificate: string;
}

/**
 * Makes the workspace's local cluster what `spec` says, and running: makes what is missing, starts what is dead, adds
 * and removes nodes. Cut off at any moment it can be called again to the same end.
 * @throws LocalError
 */
export async function ensureLocalCluster(spec: LocalClusterSpec, context: LocalContext): Promise<LocalCluster> {
  validateSpec(spec);
  await requirePrograms(spec);
  const paths = workspacePaths(context.workspaceDir);
  await makePrivateFolder(paths.root);
  return await withLock(paths.lock, () => ensureLocked(spec, paths, context));
}

async function ensureLocked(
  spec: LocalClusterSpec,
  paths: WorkspacePaths,
  context: LocalContext,
): Promise<LocalCluster> {
  const file = await openState(spec, paths, context);
  await requireRoom(file, paths);
  await makeRunFolder(file.state.runFolder);
  await file.save();
  const authority = await TpmAuthority.open(paths.tpmAuthority, `Constellation local TPM CA ${spec.uid}`);
  await ensureNetwork(file, paths, context);
  await removeSurplus(file, paths, context);
  await defineMissing(file);
  for (const node of file.state.nodes) {
    context.signal?.throwIfAborted();
    await provisionNode(file, paths, node, context);
  }
  await reconcileNetwork(file.state, paths);
  deferOrRelease(file.state, context.deferWorkers === true);
  await file.save();
  const surplus = surplusNodes(file.state.nodes, spec);
  for (const node of file.state.nodes.filter((n) => n.wanted === "running" && !surplus.includes(n))) {
    context.signal?.throwIfAborted();
    await startMachine(file, paths, node, context);
  }
  return {
    accelerator: file.state.accelerator,
    endpoint: endpointAddress(spec.uid),
    nodes: file.state.nodes.flatMap((node) => node.record ?? []),
    surplus: surplus.map((node) => node.name),
    tpmCaCertificate: `${authority.certificate.toString("pem")}\n`,
  };
}

/** Machines of an emulated cluster get in each other's way: workers may be held back until the control plane is up. */
function deferOrRelease(state: { accelerator: Accelerator; nodes: NodeState[] }, defer: boolean): void {
  for (const node of state.nodes) {
    const fresh = node.role === "worker" && node.wanted === "running" && node.qemu === null;
    if (defer && state.accelerator === "tcg" && fresh) node.wanted = "deferred";
    else if (!defer && node.wanted === "deferred") node.wanted = "running";
  }
}

/** The workspace's state with the new spec, or a new state. */
async function openState(spec: LocalClusterSpec, paths: WorkspacePaths, context: LocalContext): Promise<StateFile> {
  const existing = await loadState(paths.state);
  if (existing !== undefined) requireSameCluster(existing, spec, paths);
  const accelerator = await chooseAccelerator(spec, context);
  const runFolder = await chooseRunFolder(context.workspaceDir);
  const root = await folderIdentity(paths.root);
  if (existing !== undefined) {
    // What has another run folder was moved or copied: who it is stays as it was written where the cluster was made.
    const own = existing.runFolder === runFolder ? { root } : {};
    return new StateFile(paths.state, { ...existing, ...own, spec, accelerator });
  }
  return new StateFile(paths.state, {
    version: 1,
    phase: "present",
    spec,
    runFolder,
    root,
    accelerator,
    netd: null,
    gateway: null,
    nodes: [],
  });
}

function requireSameCluster(
  existing: { phase: string; spec: LocalClusterSpec },
  spec: LocalClusterSpec,
  paths: WorkspacePaths,
): void {
  if (existing.phase === "present" && existing.spec.uid === spec.uid) return;
  const got = existing.phase === "present" ? `cluster "${existing.spec.uid}"` : "a cluster that is being terminated";
  throw new LocalError("workspace-stale", `Open "${paths.root}" failed: got ${got}, wanted cluster "${spec.uid}"`, {
    hint: "use another workspace, or run 'constellation terminate' in this one: if it was moved that ends its cluster, if it was copied it deletes the copy's files only",
  });
}

async function chooseAccelerator(spec: LocalClusterSpec, context: LocalContext): Promise<Accelerator> {
  const wish = spec.accel ?? "auto";
  if (wish === "tcg") return "tcg";
  const verdict = await probeKvm(spec.imagePath, context.signal);
  if (wish === "kvm" && !verdict.works) {
    throw new LocalError("accelerator-unavailable", `Use KVM failed: ${verdict.reason}`, { hint: "use TCG" });
  }
  const step = verdict.works ? "use KVM" : "use emulation (TCG)";
  context.onProgress?.({ step, detail: verdict.reason });
  return verdict.works ? "kvm" : "tcg";
}

/** Looks at room only for what is not there yet: a cluster that runs passes whatever is free. */
async function requireRoom(file: StateFile, paths: WorkspacePaths): Promise<void> {
  const { spec, nodes, accelerator } = file.state;
  const known = new Map(nodes.map((node) => [node.name, node]));
  const wanted = wantedNodes(spec);
  const toStart = wanted.filter(({ name }) => {
    const node = known.get(name);
    return node === undefined || (node.wanted === "running" && !machineRuns(file, node));
  });
  const memory = toStart.map(({ name }) => ({ memoryMiB: spec.nodes?.[name]?.memoryMiB ?? spec.memoryMiB }));
  await requireMemory(memory, accelerator);
  await requireDisk(paths.root, wanted.filter(({ name }) => !known.has(name)).length, spec.stateDiskGiB);
}

/** Nodes that the spec no longer has (if they are to be kept, those without a record), and removals that were cut off. */
async function removeSurplus(file: StateFile, paths: WorkspacePaths, context: LocalContext): Promise<void> {
  const ends = (node: NodeState) => context.keepSurplus !== true || node.phase === "defined";
  const surplus = surplusNodes(file.state.nodes, file.state.spec).filter(ends);
  for (const node of file.state.nodes.filter((n) => n.phase === "removing" || surplus.includes(n))) {
    context.onProgress?.({ step: `remove ${node.name}` });
    await removeNode(file, paths, node);
  }
}

async function defineMissing(file: StateFile): Promise<void> {
  const known = new Set(file.state.nodes.map((node) => node.name));
  for (const { name, role, index } of wantedNodes(file.state.spec).filter((n) => !known.has(n.name))) {
    const node: NodeState = {
      name,
      role,
      index,
      phase: "defined",
      wanted: "running",
      record: null,
      swtpm: null,
      qemu: null,
    };
    file.state.nodes.push(node);
  }
  await file.save();
}
