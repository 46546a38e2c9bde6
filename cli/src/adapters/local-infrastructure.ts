import { createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import type { NodeRecord } from "@constellation/config";
import {
  countProcesses,
  ensureLocalCluster,
  firmware,
  GUEST_NETWORK,
  type LocalCluster,
  type LocalClusterSpec,
  LocalError,
  localStatus,
  type ProcessStatus as LocalProcessStatus,
  probeKvm,
  terminateLocal,
  toolCommand,
} from "@constellation/infrastructure-local";
import type {
  ClusterSpec,
  InfrastructureFinding,
  InfrastructureOutputs,
  InfrastructurePort,
  ProcessStatus,
} from "../ports/infrastructure.ts";

/** Virtual machines on this computer, for the cluster of one workspace. */
export function localInfrastructure(folder: string): InfrastructurePort {
  return {
    async ensure(spec, { signal, onStep, deferWorkers, keepSurplus }) {
      const uid = await uidOf(folder);
      const cluster = await ensureLocalCluster(localSpec(spec, uid), {
        workspaceDir: folder,
        signal,
        deferWorkers: deferWorkers === true,
        keepSurplus: keepSurplus === true,
        onProgress: ({ step, detail }) => onStep(capitalised(detail === undefined ? step : `${step} (${detail})`)),
      });
      return outputs(cluster, spec, uid);
    },
    terminate: ({ signal }) => terminateLocal(folder, { signal }),
    countProcesses: () => countProcesses(folder),
    async status() {
      const status = await localStatus(folder);
      if (status === undefined) return [];
      return [
        describeProcess("network", status.netd),
        describeProcess("gateway", status.gateway),
        ...status.nodes.flatMap(({ name, machine, tpm }) => [
          describeProcess(
            `${name}/machine`,
            machine,
            `its last words are in constellation-local/nodes/${name}/console.log`,
          ),
          describeProcess(`${name}/tpm`, tpm),
        ]),
      ];
    },
    async examine(imagePath, signal) {
      return [...examineTools(), await examineKvm(imagePath, signal)];
    },
  };
}

/** The same workspace always has the same identifier, so that a creation that was cut off is found again. */
async function uidOf(folder: string): Promise<string> {
  const digest = createHash("sha256")
    .update("constellation/v1/local-uid")
    .update(await realpath(folder))
    .digest("hex");
  return digest.slice(0, 8);
}

function localSpec(spec: ClusterSpec, uid: string): LocalClusterSpec {
  const count = (role: string) =>
    spec.nodeGroups.filter((group) => group.role === role).reduce((sum, group) => sum + group.count, 0);
  return {
    uid,
    name: spec.name,
    imagePath: spec.imagePath,
    controlPlanes: count("control-plane"),
    workers: count("worker"),
    vcpus: spec.vcpus,
    memoryMiB: spec.memoryMiB,
    stateDiskGiB: Math.max(...spec.nodeGroups.map((group) => group.stateDiskSizeGB)),
    hostPorts: hostPorts(spec.hostUrls),
    throwawayDisks: spec.throwawayDisks,
    accel: spec.accel,
  };
}

/** What has the gateway's address is on this computer: nodes may connect to their ports, and to no others here. */
function hostPorts(urls: readonly string[]): number[] {
  const local = urls.map((url) => new URL(url)).filter((url) => url.hostname === GUEST_NETWORK.gateway);
  const ports = local.map((url) => (url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port)));
  return [...new Set(ports)];
}

function outputs(cluster: LocalCluster, spec: ClusterSpec, uid: string): InfrastructureOutputs {
  const nodes = nodeRecords(cluster, spec);
  const controlPlanes = cluster.nodes.filter((node) => node.role === "control-plane");
  const first = controlPlanes[0];
  if (first === undefined) {
    throw new LocalError("cluster-missing", "Create machines failed: there is no control plane among them");
  }
  return {
    uid,
    clusterEndpoint: cluster.endpoint,
    inClusterEndpoint: first.address,
    ipCidrNode: GUEST_NETWORK.cidr,
    apiServerCertSANs: [cluster.endpoint, ...controlPlanes.flatMap((node) => [node.address, node.loopbackAddress])],
    endorsementCA: cluster.tpmCaCertificate,
    accel: cluster.accelerator,
    nodes,
    surplus: nodes.filter((node) => cluster.surplus.includes(node.name)),
  };
}

function nodeRecords(cluster: LocalCluster, spec: ClusterSpec): NodeRecord[] {
  const groups = spec.nodeGroups.flatMap((group) =>
    Array.from({ length: group.count }, () => ({ name: group.name, role: group.role })),
  );
  return cluster.nodes.map((node) => {
    const place = cluster.nodes.filter((other) => other.role === node.role).indexOf(node);
    return {
      name: node.name,
      role: node.role,
      nodeGroup: groups.filter((group) => group.role === node.role)[place]?.name ?? "",
      ekDigest: node.ekDigest,
      diskUUID: node.diskUuid,
      address: node.address,
    };
  });
}

function describeProcess(name: string, status: LocalProcessStatus, lastWords?: string): ProcessStatus {
  const state = status.state === "dead" ? "crashed" : status.state;
  return {
    name,
    state,
    ...(status.pid === null ? {} : { pid: status.pid }),
    ...(state === "crashed" ? { detail: lastWords ?? "`constellation apply` starts it again" } : {}),
  };
}

function examineTools(): InfrastructureFinding[] {
  const program = (name: string, command: string) =>
    examineTool(
      name,
      () => toolCommand(command).args.find((arg) => arg.endsWith(command)) ?? toolCommand(command).program,
    );
  return [
    program("qemu", "qemu-system-x86_64"),
    program("swtpm", "swtpm"),
    examineTool("firmware", () => firmware().code),
  ];
}

function examineTool(name: string, find: () => string): InfrastructureFinding {
  try {
    return { name, outcome: "ok", text: find() };
  } catch (error) {
    if (!(error instanceof LocalError)) throw error;
    return {
      name,
      outcome: "failed",
      text: error.message,
      ...(error.hint === undefined ? {} : { remedy: error.hint }),
    };
  }
}

async function examineKvm(imagePath: string | undefined, signal: AbortSignal): Promise<InfrastructureFinding> {
  if (imagePath === undefined) {
    return {
      name: "virtualisation",
      outcome: "warning",
      text: "not probed: there is no node image to boot",
      remedy: "build the image with `make image`",
    };
  }
  try {
    const { works, reason } = await probeKvm(imagePath, signal);
    if (works) return { name: "virtualisation", outcome: "ok", text: `KVM: ${reason}` };
    return {
      name: "virtualisation",
      outcome: "warning",
      text: `emulation, as KVM does not work here: ${reason}`,
      remedy: "the cluster works, but starts many times slower; use a computer with KVM that your user may open",
    };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof LocalError)) throw error;
    return {
      name: "virtualisation",
      outcome: "failed",
      text: error.message,
      ...(error.hint === undefined ? {} : { remedy: error.hint }),
    };
  }
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
