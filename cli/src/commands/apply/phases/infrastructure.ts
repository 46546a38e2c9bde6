import { type Config, type State, withState } from "@constellation/config";
import { readImage } from "../../../cluster/image.ts";
import type { Context } from "../../../context.ts";
import type { ClusterSpec } from "../../../ports/infrastructure.ts";

/**
 * Creates or changes the machines and writes what they are into the state.
 *
 * @param deferWorkers whether new workers may wait for the call that follows when the control plane is up
 */
export async function infrastructurePhase(
  context: Context,
  config: Config,
  state: State,
  deferWorkers: boolean,
): Promise<State> {
  const image = await readImage(context, config.image);
  const infrastructure = await context.dependencies.infrastructure(context.workspace);
  const outputs = await context.progress.step("Prepare machines", () =>
    infrastructure.ensure(clusterSpec(config, image.path), {
      signal: context.signal,
      deferWorkers,
      onStep: (text) => void context.progress.begin(text),
    }),
  );
  const next = withState(state, {
    infrastructure: {
      uid: outputs.uid,
      name: `${config.name}-${outputs.uid}`,
      clusterEndpoint: outputs.clusterEndpoint,
      inClusterEndpoint: outputs.inClusterEndpoint,
      ipCidrNode: outputs.ipCidrNode,
      apiServerCertSANs: [...outputs.apiServerCertSANs],
      qemu: { endorsementCA: outputs.endorsementCA, accel: outputs.accel, nodes: [...outputs.nodes] },
    },
  });
  await context.workspace.writeState(next);
  return next;
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
    registryMirrorUrls: Object.values(config.registryMirrors).flat(),
    nodeGroups: Object.entries(config.nodeGroups).map(([name, group]) => ({
      name,
      role: group.role,
      count: group.initialCount,
      stateDiskSizeGB: group.stateDiskSizeGB,
    })),
  };
}
