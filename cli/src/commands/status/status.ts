import {
  attestationPolicy,
  type Config,
  FRESH_NODE,
  recordedNodes,
  RELEASE_VERSION,
  type State,
  type StateMode,
  stateMode,
  statedMeasurements,
} from "@constellation/config";
import { goneWorkers } from "../../cluster/removal.ts";
import type { Context } from "../../context.ts";
import { reportError } from "../../errors.ts";
import type { KubernetesNode } from "../../ports/cluster.ts";
import type { ProcessStatus } from "../../ports/infrastructure.ts";
import { printableLines } from "../../terminal/printable.ts";
import { formatTable } from "../../terminal/table.ts";
import { ADMIN_CONF_FILE } from "../../workspace/workspace.ts";

const API_TIMEOUT_MS = 20_000;

/** How a cluster is. */
export interface StatusReport {
  readonly name: string;
  readonly stage: StateMode;
  readonly clusterID: string;
  readonly clusterEndpoint: string;
  readonly versions: { readonly cli: string; readonly image: string; readonly kubernetes: string };
  readonly processes: readonly ProcessStatus[];
  readonly nodes: readonly NodeReport[];
  /** Why Kubernetes could not be asked. */
  readonly kubernetesError?: string;
  readonly attestation: { readonly variant: string; readonly pcrs: readonly PcrReport[]; readonly machines: number };
}

/** One recorded node, with what Kubernetes says of it. */
export interface NodeReport {
  readonly name: string;
  readonly role: string;
  readonly ready: boolean;
  readonly reason: string;
  readonly version: string;
  readonly address: string;
}

interface PcrReport {
  readonly index: number;
  readonly expected: string;
  readonly reason?: string;
}

/** Looks at the workspace, its machines and its Kubernetes. */
export async function status(context: Context): Promise<StatusReport> {
  const { workspace, dependencies } = context;
  const config = await workspace.readConfig();
  const state = await workspace.readState();
  const processes = await (await dependencies.infrastructure(workspace)).status(context.signal);
  const kubernetes = await askKubernetes(context);
  return {
    name: config.name,
    stage: stateMode(state),
    clusterID: state.clusterValues.clusterID,
    clusterEndpoint: state.infrastructure.clusterEndpoint,
    versions: { cli: RELEASE_VERSION, image: config.image, kubernetes: config.kubernetesVersion },
    processes,
    nodes: nodeReports(state, kubernetes.nodes),
    ...(kubernetes.error === undefined ? {} : { kubernetesError: kubernetes.error }),
    attestation: attestationReport(config, state),
  };
}

/** Whether everything that should be there is there and works. */
export function isHealthy(report: StatusReport): boolean {
  return (
    report.processes.every((process) => process.state === "running") &&
    report.nodes.every((node) => node.ready || report.stage !== "post-init") &&
    report.kubernetesError === undefined
  );
}

/** The report for people or as JSON. */
export function describeStatus(report: StatusReport, json: boolean): string {
  if (json) return `${JSON.stringify({ healthy: isHealthy(report), ...report }, null, 2)}\n`;
  const stages = {
    "pre-create": "not created",
    "pre-init": "machines created, cluster not initialised",
    "post-init": isHealthy(report) ? "up" : "not healthy",
  };
  const head = [
    ["Cluster", report.name],
    ["Status", stages[report.stage]],
    ["Cluster ID", report.clusterID === "" ? "none" : report.clusterID],
    ["Endpoint", report.clusterEndpoint === "" ? "none" : report.clusterEndpoint],
    ["Kubernetes", report.versions.kubernetes],
    ["Image", report.versions.image],
    ["CLI", report.versions.cli],
  ];
  return printableLines(
    `${[
      formatTable(head),
      section("Machines", report.processes.map(describeProcess), "none"),
      section("Nodes", report.nodes.map(describeNode), "none"),
      ...(report.kubernetesError === undefined ? [] : [`Kubernetes does not answer: ${report.kubernetesError}`]),
      section(
        `Attestation (${report.attestation.variant}, ${report.attestation.machines} recorded machines)`,
        report.attestation.pcrs.map(describePcr),
        "none",
      ),
    ].join("\n\n")}\n`,
  );
}

function section(title: string, rows: string[][], none: string): string {
  return `${title}:\n${rows.length === 0 ? `  ${none}` : formatTable(rows, "  ")}`;
}

function describeProcess(process: ProcessStatus): string[] {
  const pid = process.pid === undefined ? "" : `pid ${process.pid}`;
  return [process.name, process.state, process.detail ?? pid];
}

function describeNode(node: NodeReport): string[] {
  const ready = node.ready ? "Ready" : `not Ready${node.reason === "" ? "" : ` (${node.reason})`}`;
  return [node.name, node.role, ready, node.version, node.address];
}

function describePcr(pcr: PcrReport): string[] {
  return [`PCR ${pcr.index}`, pcr.reason === undefined ? pcr.expected : `${pcr.expected} (${pcr.reason})`];
}

async function askKubernetes(context: Context): Promise<{ nodes: readonly KubernetesNode[]; error?: string }> {
  if (!context.workspace.has(ADMIN_CONF_FILE)) return { nodes: [] };
  try {
    const kubernetes = await context.dependencies.kubernetes(await context.workspace.readAdminConf());
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(API_TIMEOUT_MS)]);
    return { nodes: await kubernetes.nodes(signal) };
  } catch (error) {
    context.signal.throwIfAborted();
    return { nodes: [], error: reportError(error).message };
  }
}

function nodeReports(state: State, nodes: readonly KubernetesNode[]): NodeReport[] {
  const recorded = recordedNodes(state);
  const reports = recorded.map(({ name, role }) => {
    const node = nodes.find((candidate) => candidate.name === name);
    return {
      name,
      role,
      ready: node?.ready ?? false,
      reason: node?.reason ?? "has not joined",
      version: node?.version ?? "",
      address: node?.address ?? "",
    };
  });
  const foreign = nodes.filter((node) => !recorded.some(({ name }) => name === node.name));
  const gone = new Set(goneWorkers(state).map(({ name }) => name));
  return [
    ...reports,
    ...foreign.map((node) => ({ ...node, role: gone.has(node.name) ? "being removed" : "not recorded" })),
  ];
}

function attestationReport(config: Config, state: State): StatusReport["attestation"] {
  const policy = attestationPolicy(config, state, { members: FRESH_NODE, admit: "all" });
  const machines = recordedNodes(state).length;
  if (policy.variant !== "qemu-vtpm") return { variant: policy.variant, pcrs: statedRegisters(config), machines };
  const pcrs = Object.entries(policy.pcrs).map(([index, rule]) =>
    rule.kind === "equal"
      ? { index: Number(index), expected: rule.anyOf.join(" or ") }
      : { index: Number(index), expected: rule.kind, reason: rule.reason },
  );
  return { variant: policy.variant, pcrs, machines };
}

/** Registers that the configuration states; all others may have any value. */
function statedRegisters(config: Config): StatusReport["attestation"]["pcrs"] {
  return Object.entries(statedMeasurements(config)).map(([index, { expected, warnOnly }]) =>
    warnOnly
      ? { index: Number(index), expected: "any", reason: "warnOnly in the configuration" }
      : { index: Number(index), expected },
  );
}
