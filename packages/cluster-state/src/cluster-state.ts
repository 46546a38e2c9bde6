import { type ClusterSettings, parseClusterSettings } from "./cluster-settings.ts";
import { ClusterStateError } from "./errors.ts";
import { type NodeRecord, parseNodeRecords } from "./node-records.ts";

/** The ConfigMap that holds the cluster state. */
export const CLUSTER_STATE_NAMESPACE = "kube-system";
export const CLUSTER_STATE_NAME = "constellation-cluster";

/** What the cluster has on record: the one source for whom it admits, and as what. */
export interface ClusterState {
  /** The attestation policy for joining nodes, canonical JSON (package attestation parses it). */
  readonly policyJson: string;
  readonly nodes: readonly NodeRecord[];
  readonly settings: ClusterSettings;
}

const KEYS = { policy: "policy.json", nodes: "nodes.json", settings: "cluster.json" } as const;

/**
 * Reads the state from the ConfigMap's `data`.
 * @throws ClusterStateError for anything missing, unknown or out of shape
 */
export function parseClusterState(data: Readonly<Record<string, string>>): ClusterState {
  return {
    policyJson: requireKey(data, KEYS.policy),
    nodes: parseNodeRecords(requireKey(data, KEYS.nodes)),
    settings: parseClusterSettings(requireKey(data, KEYS.settings)),
  };
}

/**
 * The ConfigMap's `data` for a state. What it gives, `parseClusterState` accepts.
 * @throws ClusterStateError when the state itself is not valid
 */
export function serializeClusterState(state: ClusterState): Record<string, string> {
  const data = {
    [KEYS.policy]: state.policyJson,
    [KEYS.nodes]: JSON.stringify(state.nodes),
    [KEYS.settings]: JSON.stringify(state.settings),
  };
  parseClusterState(data);
  return data;
}

function requireKey(data: Readonly<Record<string, string>>, key: string): string {
  const value = Object.hasOwn(data, key) ? data[key] : undefined;
  if (value === undefined || value === "") throw new ClusterStateError("missing_key", key, "nothing", "a value");
  return value;
}
