import { readFile } from "node:fs/promises";
import type { NodeRole, RegistryMirror, TimingProfile } from "@constellation/cluster-state";
import { writeFileAtomic } from "../disk/files.ts";
import { NodeError } from "../errors.ts";

/** What a node remembers of its cluster, on the encrypted state disk. */
export interface NodeState {
  version: 1;
  /** How this node came into the cluster: who has to finish it after a crash. */
  origin: "init" | "join";
  /** Whether all steps after the commit are done. */
  finished: boolean;
  name: string;
  role: NodeRole;
  /** Hexadecimal. Compared with the ticket's at each rejoin. */
  clusterId: string;
  clusterName: string;
  serviceCidr: string;
  timingProfile: TimingProfile;
  registryMirrors: RegistryMirror[];
  /** Last known API servers, host:port. */
  apiServerEndpoints: string[];
  /** Address of the CLI's choice in the admin kubeconfig; first control plane only. */
  clusterEndpoint?: string;
}

const FIELDS = [
  "origin",
  "finished",
  "name",
  "role",
  "clusterId",
  "clusterName",
  "serviceCidr",
  "timingProfile",
  "registryMirrors",
  "apiServerEndpoints",
] as const;

/** @throws NodeError `state` */
export async function readNodeState(path: string): Promise<NodeState> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new NodeError("state", `Read node state "${path}" failed`, { cause });
  }
  // The file is on the authenticated disk and only we write it: this guards against our own older versions.
  const state = value as Partial<NodeState> | null;
  const missing = FIELDS.filter((field) => state?.[field] === undefined);
  if (state?.version === 1 && missing.length === 0) return state as NodeState;
  throw new NodeError(
    "state",
    `Read node state failed: got version "${state?.version}" without "${missing.join(", ")}", wanted "1"`,
  );
}

export async function writeNodeState(path: string, state: NodeState): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(state, undefined, 2)}\n`, 0o600);
}
