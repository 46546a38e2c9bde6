import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseState, serializeState, STATE_FILE, withState } from "@constellation/config";
import {
  ensureLocalCluster,
  type LocalClusterSpec,
  loadSpec,
  type NodeRecord,
  stopNode,
} from "@constellation/infrastructure-local";
import { copyWithChangedRoot } from "./image-file.ts";
import type { MiniCluster } from "./mini-cluster.ts";
import { say } from "./say.ts";

/** The recorded workers that must be refused, and what is wrong with each; their cluster has no others. */
export const EXTRA = { argument: "worker-0", changedRoot: "worker-1", foreignCa: "worker-2" } as const;

const COUNT = Object.keys(EXTRA).length;
const GROUP = "worker_default";
const MEMORY_MIB = 1536;
/** systemd-stub(7), "SMBIOS Type 11 Strings": measured into PCR 12. */
const KERNEL_ARGUMENT = "io.systemd.stub.kernel-cmdline-extra=constellation.e2e=1";

/**
 * Adds the three workers to machines, records and configuration, as an operator would who does not know that anything
 * is wrong with them. The root of one image has a changed byte, and nothing else of it was mended. Only that machine
 * runs: a computer without KVM has no room for more than one beside the control plane.
 */
export async function addExtraWorkers(cluster: MiniCluster): Promise<void> {
  const before = await loadSpec(cluster.workspace);
  const { broken } = imagesOf(cluster);
  const rootHash = await copyWithChangedRoot(before.imagePath, broken, false);
  say(`a byte of the root was changed; root hash stays ${rootHash}`);
  const { nodes } = await ensureLocalCluster(specWith(before, broken), {
    workspaceDir: cluster.workspace,
    onProgress: ({ step }) => say(step),
  });
  for (const name of [EXTRA.argument, EXTRA.foreignCa]) await stopNode(cluster.workspace, name);
  await record(cluster, nodes);
  await cluster.configure(["nodeGroups", GROUP, "initialCount"], COUNT);
  await cluster.mustCli("apply", "--yes", "--skip-phases", "infrastructure,init", "--skip-node-wait");
}

/** Mends hash tree and command line of the changed image, so that it boots; its machine is off then. */
export async function mendChangedRoot(cluster: MiniCluster): Promise<void> {
  const spec = await loadSpec(cluster.workspace);
  const { broken, mended } = imagesOf(cluster);
  await stopNode(cluster.workspace, EXTRA.changedRoot);
  const rootHash = await copyWithChangedRoot(spec.imagePath, mended, true);
  say(`a byte of the root was changed and the image mended; root hash is ${rootHash}`);
  await ensureLocalCluster(specWith(spec, mended), { workspaceDir: cluster.workspace });
  await rm(broken);
}

/** Removes the three workers again, the way the CLI does it. */
export async function removeExtraWorkers(cluster: MiniCluster): Promise<void> {
  await cluster.configure(["nodeGroups", GROUP, "initialCount"], 0);
  await cluster.mustCli("apply", "--yes");
  for (const path of Object.values(imagesOf(cluster))) await rm(path, { force: true });
}

function specWith(spec: LocalClusterSpec, changedImage: string): LocalClusterSpec {
  const small = { memoryMiB: MEMORY_MIB };
  return {
    ...spec,
    workers: COUNT,
    nodes: {
      [EXTRA.argument]: { ...small, extraSmbios: [KERNEL_ARGUMENT] },
      [EXTRA.changedRoot]: { ...small, imagePath: changedImage },
      [EXTRA.foreignCa]: { ...small, foreignTpmCa: true },
    },
  };
}

function imagesOf(cluster: MiniCluster): { broken: string; mended: string } {
  return { broken: join(cluster.folder, "broken.raw"), mended: join(cluster.folder, "mended.raw") };
}

async function record(cluster: MiniCluster, machines: readonly NodeRecord[]): Promise<void> {
  const state = await cluster.state();
  const { qemu } = state.infrastructure;
  if (qemu === undefined) throw new Error("the state has no machines");
  const known = new Set(qemu.nodes.map(({ name }) => name));
  const added = machines
    .filter(({ name }) => !known.has(name))
    .map(({ name, role, ekDigest, diskUuid, address }) => {
      return { name, role, nodeGroup: GROUP, ekDigest, diskUUID: diskUuid, address };
    });
  const next = withState(state, { infrastructure: { qemu: { ...qemu, nodes: [...qemu.nodes, ...added] } } });
  const text = serializeState(next);
  parseState(text);
  await writeFile(join(cluster.workspace, STATE_FILE), text);
}
