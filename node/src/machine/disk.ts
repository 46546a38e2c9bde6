import { fromHex } from "@constellation/bytes";
import { faultPoint } from "../fault.ts";
import { PATHS } from "../options.ts";
import { readNodeState } from "../state/node-state.ts";
import type { AttesterOfNode } from "../platform/attester.ts";
import type { Step } from "./machine.ts";
import type { Dependencies, Member } from "./node.ts";

/**
 * Looks at the state disk, whose header is hostile input (T7), and at what an earlier life of the agent in this boot
 * left behind. A disk that was opened but never committed was in the middle of init or join: the node starts over.
 */
export const diskStep: Step<"disk"> = async ({ platform }, dependencies, signal) => {
  const { console, log } = dependencies;
  const disk = dependencies.openDisk(platform.diskUuid);
  const wasOpen = await disk.isOpen(signal);
  const content = await disk.inspect();
  log.info("state disk inspected", { ...content, wasOpen });
  if (content.kind === "initialised" && wasOpen) {
    console("state disk: open from before, continuing");
    return {
      kind: "finish",
      platform,
      member: await openMember(dependencies, platform.attester, content.generation, signal),
    };
  }
  if (content.kind === "initialised") {
    console("state disk: belongs to an initialised node");
    return { kind: "rejoin", platform, disk, generation: content.generation };
  }
  if (wasOpen) return { kind: "reset", disk, reason: "the agent was restarted before the node was initialised" };
  if (await platform.attester.isMarked(signal))
    return { kind: "reset", disk, reason: "PCR 15 is set, but the disk is fresh" };
  console(`state disk: ${content.reason}, formatting`);
  const passphrase = await disk.createFresh(signal);
  faultPoint("disk.after-format");
  await dependencies.mountState(signal);
  return { kind: "fresh", platform, disk, fresh: { passphrase, runtime: startRuntime(dependencies, signal) } };
};

/** Mounts the open disk of an initialised node, marks this boot with its cluster, and starts the container runtime. */
export async function openMember(
  dependencies: Dependencies,
  attester: Pick<AttesterOfNode, "markWithClusterId">,
  diskGeneration: number,
  signal: AbortSignal,
): Promise<Member> {
  await dependencies.mountState(signal);
  const state = await readNodeState(dependencies.options.root + PATHS.nodeState);
  await attester.markWithClusterId(fromHex(state.clusterId), signal);
  await dependencies.writeRegistryMirrors(state.registryMirrors);
  return { state, diskGeneration, runtime: startRuntime(dependencies, signal) };
}

/** Starts the runtime in the background; whoever needs it waits for the promise. */
function startRuntime({ startRuntime, console, log }: Dependencies, signal: AbortSignal): Promise<void> {
  const runtime = startRuntime(signal).then(() => console("container runtime and system images ready"));
  // The failure is thrown where the runtime is waited for; here it is only kept from ending the process unheard.
  runtime.catch((error: unknown) => log.error("container runtime failed", error));
  return runtime;
}
