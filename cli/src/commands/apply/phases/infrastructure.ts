import { type Config, type NodeRecord, type State, withState } from "@constellation/config";
import { readImage } from "../../../cluster/image.ts";
import { removedWorkers } from "../../../cluster/removal.ts";
import { addressIn } from "@constellation/kms/root";
import type { Context } from "../../../context.ts";
import type { ClusterSpec, InfrastructureOutputs } from "../../../ports/infrastructure.ts";

/** How the machines are changed. */
export interface MachineOptions {
  /** New workers may wait for the call that follows when the control plane is up. */
  readonly deferWorkers: boolean;
  /** Machines that are not wanted any more stay until their work has been moved. */
  readonly keepSurplus: boolean;
}

/** What there is after a change of the machines. */
export interface Machines {
  readonly state: State;
  /** The machines that are not wanted any more and have been kept. */
  readonly surplus: readonly NodeRecord[];
}

/** Creates or changes the machines and writes what they are into the state. */
export async function infrastructurePhase(
  context: Context,
  config: Config,
  state: State,
  options: MachineOptions,
): Promise<Machines> {
  const image = await readImage(context, config.image);
  const infrastructure = await context.dependencies.infrastructure(context.workspace);
  const outputs = await context.progress.step("Prepare machines", () =>
    infrastructure.ensure(clusterSpec(config, image.path), {
      ...options,
      signal: context.signal,
      onStep: (text) => void context.progress.begin(text),
    }),
  );
  const next = withMachines(state, config, outputs);
  await context.workspace.writeState(next);
  return { state: next, surplus: outputs.surplus };
}

/**
 * What the machines are. That a worker will be removed is written down before its machine is ended; a control plane
 * that is not wanted any more is none of the cluster's nodes, or the removal is refused.
 */
function withMachines(state: State, config: Config, outputs: InfrastructureOutputs): State {
  const surplus = new Set(outputs.surplus.map(({ ekDigest }) => ekDigest));
  const nodes = outputs.nodes.filter(({ role, ekDigest }) => role === "worker" || !surplus.has(ekDigest));
  const known = new Set(removedWorkers(state).map(({ ekDigest }) => ekDigest));
  const added = outputs.surplus.filter(({ role, ekDigest }) => role === "worker" && !known.has(ekDigest));
  const removing = [...removedWorkers(state), ...added];
  return withState(state, {
    infrastructure: {
      uid: outputs.uid,
      name: `${config.name}-${outputs.uid}`,
      clusterEndpoint: outputs.clusterEndpoint,
      inClusterEndpoint: outputs.inClusterEndpoint,
      ipCidrNode: outputs.ipCidrNode,
      apiServerCertSANs: [...outputs.apiServerCertSANs],
      qemu: {
        endorsementCA: outputs.endorsementCA,
        accel: outputs.accel,
        nodes,
        ...(removing.length === 0 ? {} : { removing }),
      },
    },
  });
}

/** What machines a configuration asks for. */
function clusterSpec(config: Config, imagePath: string): ClusterSpec {
  const { vcpus, memory, accel, throwawayDisks } = config.provider.qemu;
  return {
    name: config.name,
    imagePath,
    vcpus,
    memoryMiB: memory,
    accel,
    throwawayDisks,
    hostUrls: [...Object.values(config.registryMirrors).flat(), ...keyManagementUrls(config)],
    nodeGroups: Object.entries(config.nodeGroups).map(([name, group]) => ({
      name,
      role: group.role,
      count: group.initialCount,
      stateDiskSizeGB: group.stateDiskSizeGB,
    })),
  };
}

function keyManagementUrls({ keyManagement }: Config): string[] {
  const { kms = "", storage = "" } = keyManagement ?? {};
  return [kms, storage].flatMap((uri) => (uri === "" ? [] : (addressIn(uri) ?? [])));
}
