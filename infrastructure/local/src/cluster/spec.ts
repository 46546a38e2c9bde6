import { MAX_NODES, nodeName, type NodeRole } from "../addressing.ts";
import { LocalError } from "../errors.ts";

/** How machines are run. */
export type Accelerator = "kvm" | "tcg";

/** What a local cluster shall be. */
export interface LocalClusterSpec {
  /** Unique identifier of the cluster; never changes in a workspace. */
  uid: string;
  /** The cluster's name, for people. */
  name: string;
  /** The node image, a raw disk; machines read it and never write it. */
  imagePath: string;
  controlPlanes: number;
  workers: number;
  /** Virtual CPUs of each machine. */
  vcpus: number;
  memoryMiB: number;
  stateDiskGiB: number;
  /** TCP ports of the host's loopback that machines may connect to, at the gateway's address. */
  hostPorts: readonly number[];
  /** State disks are not flushed to the host's disk: for tests, a crash of the host loses them. */
  throwawayDisks?: boolean;
  /** Default "auto": KVM where a probe guest really boots, else TCG. */
  accel?: Accelerator | "auto";
  /** OEM strings (SMBIOS type 11) of every machine. */
  extraSmbios?: readonly string[];
  /** Deviations of single nodes by name, for tests; image and strings take effect at the node's next start. */
  nodes?: Readonly<Record<string, NodeOverrides>>;
}

/** How a node differs from the others. */
export interface NodeOverrides {
  imagePath?: string;
  extraSmbios?: readonly string[];
  /** The node's TPM is certified by an authority that the cluster does not know; takes effect at creation only. */
  foreignTpmCa?: boolean;
  memoryMiB?: number;
  vcpus?: number;
}

/** A node that the spec asks for. */
export interface WantedNode {
  name: string;
  role: NodeRole;
  index: number;
}

/** The nodes that the spec asks for, control planes first. */
export function wantedNodes(spec: LocalClusterSpec): WantedNode[] {
  const group = (role: NodeRole, count: number): WantedNode[] =>
    Array.from({ length: count }, (_, index) => ({ name: nodeName(role, index), role, index }));
  return [...group("control-plane", spec.controlPlanes), ...group("worker", spec.workers)];
}

/** Which of these nodes the spec no longer asks for. */
export function surplusNodes<Node extends { name: string }>(nodes: readonly Node[], spec: LocalClusterSpec): Node[] {
  const names = new Set(wantedNodes(spec).map((node) => node.name));
  return nodes.filter((node) => !names.has(node.name));
}

const LIMITS: { field: keyof LocalClusterSpec; minimum: number; maximum: number }[] = [
  { field: "controlPlanes", minimum: 1, maximum: MAX_NODES["control-plane"] },
  { field: "workers", minimum: 0, maximum: MAX_NODES.worker },
  { field: "vcpus", minimum: 1, maximum: 256 },
  { field: "memoryMiB", minimum: 512, maximum: 16_777_216 },
  { field: "stateDiskGiB", minimum: 1, maximum: 65_536 },
];

/**
 * Checks what the type can't say; all wrong fields are in one message.
 * @throws LocalError "spec-invalid"
 */
export function validateSpec(spec: LocalClusterSpec): void {
  const problems = LIMITS.flatMap(({ field, minimum, maximum }) => {
    const got = spec[field];
    const valid = typeof got === "number" && Number.isInteger(got) && got >= minimum && got <= maximum;
    return valid ? [] : [`${field}: got "${JSON.stringify(got)}", wanted "${minimum}" to "${maximum}"`];
  });
  if (!/^[A-Za-z0-9-]{1,64}$/.test(spec.uid)) {
    problems.push(`uid: got "${spec.uid}", wanted 1 to 64 letters, digits or hyphens`);
  }
  for (const port of spec.hostPorts) {
    if (!(Number.isInteger(port) && port > 0 && port < 65_536)) {
      problems.push(`hostPorts: got "${port}", wanted a TCP port`);
    }
  }
  const known = new Set(wantedNodes(spec).map((node) => node.name));
  for (const name of Object.keys(spec.nodes ?? {})) {
    if (!known.has(name)) problems.push(`nodes: got "${name}", wanted one of the cluster's nodes`);
  }
  if (problems.length > 0) {
    throw new LocalError("spec-invalid", `Validate local cluster failed: ${problems.join("; ")}`);
  }
}
