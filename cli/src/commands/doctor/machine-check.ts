import { type Config, nodeCount } from "@constellation/config";
import type { Context } from "../../context.ts";
import type { Finding } from "./doctor.ts";

const DEFAULT_NODES = { count: 2, memoryMiB: 4096 };
/** Memory that the rest of this computer and QEMU itself want. */
const OWN_MEMORY_MIB = 1024;
const DISK_MIB = { needed: 8 * 1024, advised: 20 * 1024 };
const CPUS = { needed: 2, advised: 4 };

/** Looks at platform, processor, memory and disk. */
export async function examineMachine(context: Context, config: Config | undefined): Promise<Finding[]> {
  const machine = await context.dependencies.machine();
  const free = await machine.freeDiskMiB(context.workspace.folder);
  return [
    platform(machine.platform()),
    cpus(machine.cpuCount()),
    memory(machine.memory(), config),
    disk(free, context.workspace.show(".")),
  ];
}

function platform({ os, architecture }: { os: string; architecture: string }): Finding {
  const text = `${os}/${architecture}`;
  if (os === "linux" && architecture === "x64") return { name: "platform", outcome: "ok", text };
  return {
    name: "platform",
    outcome: "failed",
    text: `${text}, wanted linux/x64`,
    remedy: "use a Linux computer with an x86-64 processor",
  };
}

function cpus(count: number): Finding {
  const text = `${count} CPUs`;
  if (count >= CPUS.advised) return { name: "processor", outcome: "ok", text };
  if (count >= CPUS.needed) {
    return {
      name: "processor",
      outcome: "warning",
      text: `${text}, ${CPUS.advised} or more are better`,
      remedy: "the cluster works, but starts slowly",
    };
  }
  return {
    name: "processor",
    outcome: "failed",
    text: `${text}, wanted ${CPUS.needed} or more`,
    remedy: "use a computer with more CPUs",
  };
}

function memory(
  { totalMiB, availableMiB }: { totalMiB: number; availableMiB: number },
  config: Config | undefined,
): Finding {
  const nodes =
    config === undefined
      ? DEFAULT_NODES
      : {
          count: nodeCount(config, "control-plane") + nodeCount(config, "worker"),
          memoryMiB: config.provider.qemu.memory,
        };
  const wanted = nodes.count * nodes.memoryMiB + OWN_MEMORY_MIB;
  const text = `${totalMiB} MiB, ${availableMiB} MiB available, ${nodes.count} nodes want ${wanted} MiB`;
  if (totalMiB < wanted) {
    return {
      name: "memory",
      outcome: "failed",
      text,
      remedy: "use fewer or smaller nodes (provider.qemu.memory, nodeGroups), or more memory",
    };
  }
  if (availableMiB < wanted) {
    return { name: "memory", outcome: "warning", text, remedy: "end other programs, unless the cluster runs already" };
  }
  return { name: "memory", outcome: "ok", text };
}

function disk(freeMiB: number, folder: string): Finding {
  const text = `${(freeMiB / 1024).toFixed(1)} GiB free at ${folder}`;
  const remedy = "free space, or use a workspace on another disk";
  if (freeMiB < DISK_MIB.needed)
    return { name: "disk", outcome: "failed", text: `${text}, wanted ${DISK_MIB.needed / 1024} GiB`, remedy };
  if (freeMiB < DISK_MIB.advised)
    return { name: "disk", outcome: "warning", text: `${text}, ${DISK_MIB.advised / 1024} GiB are better`, remedy };
  return { name: "disk", outcome: "ok", text };
}
