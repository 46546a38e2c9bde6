import { STATE_FILE } from "./constants.ts";
import { ConfigError } from "./errors.ts";
import type { Finding } from "./finding.ts";
import { showValue } from "./finding.ts";
import { isHost, isIpv4Cidr } from "./formats.ts";
import type { NodeRecord, State } from "./state-schema.ts";

/**
 * Stage of a cluster as its state file shows it: nothing created, machines created but no cluster on them, cluster
 * initialised.
 */
export type StateMode = "pre-create" | "pre-init" | "post-init";

/** What contradicts "nothing was created": every infrastructure and cluster value must be empty. */
export function preCreateFindings(state: State): Finding[] {
  const { infrastructure, clusterValues } = state;
  return [...leaves(infrastructure, "infrastructure"), ...leaves(clusterValues, "clusterValues")]
    .filter(({ value }) => !isEmptyLeaf(value))
    .map(({ path, value }) => finding(path, value, "an empty value, as nothing was created"));
}

/**
 * What contradicts "machines exist, no cluster on them". `clusterValues.measurementSalt` may be set: it is written
 * before initialisation is tried, so that a second try after a cut-off one derives the same cluster ID.
 */
export function preInitFindings(state: State): Finding[] {
  const { clusterID, ownerID } = state.clusterValues;
  return [
    ...infrastructureFindings(state),
    ...mustBeEmpty("clusterValues.clusterID", clusterID, "an empty value, as the cluster is not initialised"),
    ...mustBeEmpty("clusterValues.ownerID", ownerID, "an empty value, as the cluster is not initialised"),
  ];
}

/** What contradicts "the cluster is initialised". */
export function postInitFindings(state: State): Finding[] {
  const { clusterID, measurementSalt } = state.clusterValues;
  return [
    ...infrastructureFindings(state),
    ...mustNotBeEmpty("clusterValues.clusterID", clusterID, "64 hexadecimal digits"),
    ...mustNotBeEmpty("clusterValues.measurementSalt", measurementSalt, "64 hexadecimal digits"),
  ];
}

/**
 * Tells the stage of a cluster.
 *
 * @throws ConfigError `state-mode` with what contradicts the nearest stage, if the state fits none
 */
export function stateMode(state: State, name: string = STATE_FILE): StateMode {
  if (preCreateFindings(state).length === 0) return "pre-create";
  const [mode, findings] =
    state.clusterValues.clusterID === ""
      ? (["pre-init", preInitFindings(state)] as const)
      : (["post-init", postInitFindings(state)] as const);
  if (findings.length === 0) return mode;
  throw new ConfigError("state-mode", `Read ${name} failed: its fields fit no stage of a cluster's life`, {
    findings,
    hint: "`constellation apply` writes this file; undo the last change by hand, or `constellation terminate` and begin anew",
  });
}

function infrastructureFindings(state: State): Finding[] {
  const { infrastructure } = state;
  const base = "infrastructure";
  const findings = [
    ...mustNotBeEmpty(`${base}.uid`, infrastructure.uid, "the cluster's unique name part"),
    ...mustNotBeEmpty(`${base}.name`, infrastructure.name, "the cluster's name"),
    ...must(isHost, `${base}.clusterEndpoint`, infrastructure.clusterEndpoint, "a host name or IPv4 address"),
    ...must(isHost, `${base}.inClusterEndpoint`, infrastructure.inClusterEndpoint, "a host name or IPv4 address"),
    ...must(isIpv4Cidr, `${base}.ipCidrNode`, infrastructure.ipCidrNode, "an IPv4 network in CIDR notation"),
  ];
  for (const foreign of ["azure", "gcp", "openstack"] as const) {
    const filled = leaves(infrastructure[foreign] ?? {}, `${base}.${foreign}`).filter(
      (leaf) => !isEmptyLeaf(leaf.value),
    );
    findings.push(
      ...filled.map(({ path, value }) => finding(path, value, "an empty value: the configuration's provider is qemu")),
    );
  }
  return [...findings, ...machineFindings(state)];
}

/** Machines of this program's making have their records beside their authority; others have theirs alone. */
function machineFindings({ infrastructure: { qemu, nodes } }: State): Finding[] {
  const base = "infrastructure.qemu";
  if (qemu !== undefined && nodes !== undefined) {
    return [finding("infrastructure.nodes", nodes, `nothing beside ${base}, which has node records, too`)];
  }
  if (nodes !== undefined) return nodeFindings("infrastructure.nodes", nodes);
  if (qemu === undefined) return [finding(base, undefined, "the endorsement authority and node records")];
  const findings = mustNotBeEmpty(`${base}.endorsementCA`, qemu.endorsementCA, "a certificate in PEM");
  for (const [index, { role }] of (qemu.removing ?? []).entries()) {
    if (role !== "worker") findings.push(finding(`${base}.removing[${index}].role`, role, '"worker"'));
  }
  return [...findings, ...nodeFindings(`${base}.nodes`, qemu.nodes)];
}

function nodeFindings(base: string, nodes: readonly NodeRecord[]): Finding[] {
  const findings: Finding[] = [];
  if (!nodes.some((node) => node.role === "control-plane")) {
    findings.push(
      finding(
        base,
        nodes.map((node) => node.name),
        "at least one control-plane node",
      ),
    );
  }
  for (const field of ["name", "ekDigest", "diskUUID"] as const) {
    const seen = new Set<string>();
    for (const [index, node] of nodes.entries()) {
      if (seen.has(node[field])) {
        findings.push(finding(`${base}[${index}].${field}`, node[field], "a value no other node has"));
      }
      seen.add(node[field]);
    }
  }
  return findings;
}

function must(accepts: (value: string) => boolean, path: string, value: string, wanted: string): Finding[] {
  return accepts(value) ? [] : [finding(path, value, wanted)];
}

function mustBeEmpty(path: string, value: string, wanted: string): Finding[] {
  return must((text) => text === "", path, value, wanted);
}

function mustNotBeEmpty(path: string, value: string, wanted: string): Finding[] {
  return must((text) => text !== "", path, value, wanted);
}

function finding(path: string, value: unknown, wanted: string): Finding {
  return { path, got: path.endsWith(".initSecret") ? "[secret]" : showValue(value), wanted };
}

function leaves(value: object, path: string): { path: string; value: unknown }[] {
  return Object.entries(value).flatMap(([key, child]: [string, unknown]) =>
    typeof child === "object" && child !== null && !Array.isArray(child)
      ? leaves(child, `${path}.${key}`)
      : [{ path: `${path}.${key}`, value: child }],
  );
}

function isEmptyLeaf(value: unknown): boolean {
  return value === "" || value === undefined || (Array.isArray(value) && value.length === 0);
}
