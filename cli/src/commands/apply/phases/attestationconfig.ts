import { serializePolicy } from "@constellation/attestation";
import {
  CLUSTER_STATE_NAME,
  CLUSTER_STATE_NAMESPACE,
  type ClusterState,
  parseClusterState,
  serializeClusterState,
} from "@constellation/cluster-state";
import { attestationPolicy, type Config, FRESH_NODE, recordedNodes, type State } from "@constellation/config";
import { diffLines } from "../../../cluster/diff.ts";
import { retryKubernetes } from "../../../cluster/kubernetes.ts";
import type { Context } from "../../../context.ts";
import { CliError } from "../../../errors.ts";
import { confirm } from "../../../terminal/prompt.ts";

/**
 * Brings node records, attestation policy and registry mirrors in the cluster up to date: what a joining node is
 * measured against and told.
 *
 * @throws CliError `unsupported-change` if the state lacks a control plane that the cluster has
 */
export async function attestationConfigPhase(
  context: Context,
  config: Config,
  state: State,
  assumeYes: boolean,
): Promise<"changed" | "up-to-date"> {
  const [namespace, name] = [CLUSTER_STATE_NAMESPACE, CLUSTER_STATE_NAME];
  const kubernetes = await context.dependencies.kubernetes(await context.workspace.readAdminConf());
  const data = await context.progress.step("Compare attestation policy and node records", () =>
    retryKubernetes(context, (signal) => kubernetes.readConfigMap(namespace, name, signal)),
  );
  if (data === undefined) {
    throw new CliError("cluster", `Compare attestation policy failed: ConfigMap "${namespace}/${name}" is missing`, {
      hint: "the cluster was changed from inside: without this ConfigMap no node can join",
    });
  }
  const current = parseClusterState(data);
  requireControlPlanes(current, state);
  const wanted = wantedState(current, config, state);
  const changed = changedKeys(serializeClusterState(current), serializeClusterState(wanted));
  if (Object.keys(changed).length === 0) return "up-to-date";
  const differences = [
    ...policyDifference(current, wanted),
    // Records of machines that this program makes were agreed to with the plan; others are in no plan.
    ...(state.infrastructure.nodes === undefined ? [] : recordsDifference(current, wanted)),
  ];
  if (differences.length > 0) await agree(context, differences, assumeYes);
  await context.progress.step("Update attestation policy and node records", () =>
    retryKubernetes(context, (signal) => kubernetes.updateConfigMap(namespace, name, changed, signal)),
  );
  return "changed";
}

/**
 * A control plane stays a member of etcd whatever the records say; without its record it could not rejoin. A removal that
 * was refused has taken it out of the state already: see `removeNodes`.
 */
function requireControlPlanes(current: ClusterState, state: State): void {
  const known = new Set(recordedNodes(state).map(({ name }) => name));
  const lost = current.nodes.filter(({ name, role }) => role === "control-plane" && !known.has(name));
  if (lost.length === 0) return;
  const names = lost.map(({ name }) => `"${name}"`).join(", ");
  throw new CliError(
    "unsupported-change",
    `Update node records failed: control plane ${names} belongs to the cluster`,
    {
      hint: "control planes can be added but not removed: raise initialCount of their node group again, and run `constellation apply` with its infrastructure phase",
    },
  );
}

/** Cluster ID, service network and timing are those of initialisation: they stay. */
function wantedState(current: ClusterState, config: Config, state: State): ClusterState {
  const nodes = recordedNodes(state);
  return {
    policyJson: serializePolicy(attestationPolicy(config, state, { members: FRESH_NODE, admit: "all" })),
    nodes: nodes.map(({ name, role, ekDigest, diskUUID }) => ({ name, role, ekDigest, diskUuid: diskUUID })),
    settings: {
      ...current.settings,
      registryMirrors: Object.entries(config.registryMirrors).map(([registry, endpoints]) => ({ registry, endpoints })),
    },
  };
}

function changedKeys(before: Record<string, string>, after: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(after).filter(([key, text]) => !sameJson(before[key], text)));
}

function policyDifference(current: ClusterState, wanted: ClusterState): string[] {
  if (sameJson(withoutMachines(current), withoutMachines(wanted))) return [];
  return ["The attestation policy of the cluster will change:", ...diffLines(current.policyJson, wanted.policyJson)];
}

function recordsDifference(current: ClusterState, wanted: ClusterState): string[] {
  const lines = diffLines(recordsByName(current), recordsByName(wanted));
  return lines.length === 0 ? [] : ["The machines that the cluster admits will change:", ...lines];
}

function recordsByName({ nodes }: ClusterState): string {
  return JSON.stringify(Object.fromEntries(nodes.map(({ name, ...record }) => [name, record])));
}

/** The policy without the machines it admits: those follow the node records. */
function withoutMachines({ policyJson }: ClusterState): string {
  return JSON.stringify({ ...(JSON.parse(policyJson) as object), endorsements: null, machines: null });
}

/** Shows what changes, also to whom has agreed beforehand. */
async function agree(context: Context, differences: readonly string[], assumeYes: boolean): Promise<void> {
  context.io.err(`${differences.join("\n")}\n`);
  if (assumeYes) return;
  const question = "Are you sure you want to change your cluster's attestation config?";
  if (!(await confirm(context.io, question, context.signal))) {
    throw new CliError("declined", "Change attestation config failed: you have declined it");
  }
}

function sameJson(a: string | undefined, b: string): boolean {
  return a !== undefined && (a === b || canonical(a) === canonical(b));
}

function canonical(json: string): string {
  return JSON.stringify(JSON.parse(json), (_, child: unknown) =>
    typeof child === "object" && child !== null && !Array.isArray(child)
      ? Object.fromEntries(Object.entries(child).sort(([a], [b]) => (a < b ? -1 : 1)))
      : child,
  );
}
