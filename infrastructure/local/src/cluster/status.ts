import { endpointAddress } from "../addressing.ts";
import { isAlive, type ProcessIdentity } from "../host/process-identity.ts";
import { netdStatus } from "../netd/control-client.ts";
import type { NetdStatus } from "../netd/control-protocol.ts";
import { socketPaths, workspacePaths } from "./paths.ts";
import type { Accelerator } from "./spec.ts";
import { loadState, type NodeRecord, type NodeState } from "./state.ts";

/** A process as it is now: "dead" should run and does not, "stopped" shall not run and does not. */
export interface ProcessStatus {
  state: "running" | "dead" | "stopped";
  pid: number | null;
}

/** A node as its processes are. */
export interface NodeStatus {
  name: string;
  role: NodeRecord["role"];
  record: NodeRecord | null;
  machine: ProcessStatus;
  tpm: ProcessStatus;
}

/** A workspace's local cluster as it is now. */
export interface LocalStatus {
  accelerator: Accelerator;
  endpoint: string;
  netd: ProcessStatus;
  gateway: ProcessStatus;
  nodes: NodeStatus[];
  /** What netd says of the network; null when it does not run or answer. */
  network: NetdStatus | null;
}

/** Looks at a workspace's local cluster; undefined when there is none. Changes nothing, takes no lock. */
export async function localStatus(workspace: string): Promise<LocalStatus | undefined> {
  const state = await loadState(workspacePaths(workspace).state);
  if (state === undefined) return undefined;
  return {
    accelerator: state.accelerator,
    endpoint: endpointAddress(state.spec.uid),
    netd: processStatus(state.netd, true),
    gateway: processStatus(state.gateway, true),
    nodes: state.nodes.map(nodeStatus),
    network: await netdStatus(socketPaths(state.runFolder).control).catch(() => null),
  };
}

function nodeStatus(node: NodeState): NodeStatus {
  const wanted = node.wanted === "running";
  return {
    name: node.name,
    role: node.role,
    record: node.record,
    machine: processStatus(node.qemu, wanted),
    tpm: processStatus(node.swtpm, wanted),
  };
}

function processStatus(identity: ProcessIdentity | null, wanted: boolean): ProcessStatus {
  if (identity !== null && isAlive(identity)) return { state: "running", pid: identity.pid };
  return { state: wanted ? "dead" : "stopped", pid: null };
}
