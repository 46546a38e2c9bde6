import type { NodeRole } from "../addressing.ts";
import { LocalError } from "../errors.ts";
import { readJson, writeFileAtomic } from "../host/atomic-file.ts";
import type { ProcessIdentity } from "../host/process-identity.ts";
import type { FolderIdentity } from "./paths.ts";
import type { Accelerator, LocalClusterSpec } from "./spec.ts";

/** What the cluster knows of a node without asking it (trust rule T5). */
export interface NodeRecord {
  name: string;
  role: NodeRole;
  /** SHA-256 of the TPM endorsement key's SubjectPublicKeyInfo, hexadecimal. */
  ekDigest: string;
  /** LUKS UUID of the state disk, derived from the endorsement identity. */
  diskUuid: string;
  mac: string;
  /** IPv4 address in the guests' network. */
  address: string;
  /** Loopback address of the host on which the node's ports are forwarded. */
  loopbackAddress: string;
}

/** A node and its processes. "defined": named, TPM not made yet; "ready": has its record; "removing": on its way out. */
export interface NodeState {
  name: string;
  role: NodeRole;
  index: number;
  phase: "defined" | "ready" | "removing";
  /** Whether the machine shall run; `stopNode` says no. */
  wanted: "running" | "stopped" | "deferred";
  record: NodeRecord | null;
  swtpm: ProcessIdentity | null;
  qemu: ProcessIdentity | null;
}

/** Everything about a workspace's local cluster, in one file. */
export interface LocalState {
  version: 1;
  phase: "present" | "terminating";
  spec: LocalClusterSpec;
  /** Folder of the unix sockets. */
  runFolder: string;
  /** The folder that the state was made in, which tells a copy from a move; older states do not say. */
  root?: FolderIdentity;
  accelerator: Accelerator;
  netd: ProcessIdentity | null;
  gateway: ProcessIdentity | null;
  nodes: NodeState[];
}

/** The state file, written whole after each step; changes are made on `state` and kept by `save`. */
export class StateFile {
  readonly path: string;
  readonly state: LocalState;

  constructor(path: string, state: LocalState) {
    this.path = path;
    this.state = state;
  }

  /** Writes the state; after that a crash can't undo it. */
  async save(): Promise<void> {
    await writeFileAtomic(this.path, `${JSON.stringify(this.state, undefined, 2)}\n`);
  }

  /**
   * The node `name`.
   * @throws LocalError "node-unknown"
   */
  node(name: string): NodeState {
    const node = this.state.nodes.find((n) => n.name === name);
    if (node !== undefined) return node;
    const names = this.state.nodes.map((n) => n.name).join(", ");
    throw new LocalError("node-unknown", `Find node failed: got "${name}", wanted one of "${names}"`);
  }
}

/**
 * Reads a workspace's state, or undefined when it has no cluster.
 * @throws LocalError "state-corrupt"
 */
export async function loadState(path: string): Promise<LocalState | undefined> {
  const value = await readJson(path);
  if (value === undefined) return undefined;
  if (isState(value)) return value;
  throw new LocalError("state-corrupt", `Read "${path}" failed: no local cluster state of version 1`, {
    hint: "terminate the cluster and create it again",
  });
}

/** Looks at what tells a state from other or damaged text; the rest is as `save` wrote it. */
function isState(value: unknown): value is LocalState {
  const { version, runFolder, spec, nodes } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const isWhole = typeof runFolder === "string" && typeof spec === "object" && spec !== null && Array.isArray(nodes);
  return (
    version === 1 && isWhole && nodes.every((node) => typeof (node as { name?: unknown } | null)?.name === "string")
  );
}
