import { clusterRegisterOf } from "@constellation/attestation";
import {
  attestationVariant,
  MASTER_SECRET_FILE,
  type State,
  staleMeasurements,
  stateMode,
  statedMeasurements,
} from "@constellation/config";
import type { Config, NodeRecord } from "@constellation/config";
import { checkKeyManagement, recoversItself } from "../../cluster/key-management.ts";
import { ATTESTATION_VARIANTS } from "@constellation/config/variants";
import { readImage } from "../../cluster/image.ts";
import { reachApiServer } from "../../cluster/reach-api-server.ts";
import { removedWorkers } from "../../cluster/removal.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import type { KubernetesNode } from "../../ports/cluster.ts";
import { confirm } from "../../terminal/prompt.ts";
import { formatTable } from "../../terminal/table.ts";
import { requireWholeImage } from "../doctor/image-check.ts";
import { ADMIN_CONF_FILE } from "../../workspace/workspace.ts";
import { attestationConfigPhase } from "./phases/attestationconfig.ts";
import { infrastructurePhase } from "./phases/infrastructure.ts";
import { initPhase } from "./phases/init.ts";
import { releaseMasterSecret } from "./phases/release-secret.ts";
import { removeNodes } from "./phases/remove-nodes.ts";
import { waitForDns, waitForNodes } from "./phases/wait-nodes.ts";
import type { Phase } from "./phase.ts";
import { type Plan, planApply, runs } from "./plan.ts";

/** Options of `apply`. */
export interface ApplyOptions {
  readonly yes: boolean;
  readonly skipPhases: ReadonlySet<Phase>;
  readonly skipNodeWait: boolean;
  /** Keeps the master secret of a cluster with an external KMS. */
  readonly keepMasterSecret?: boolean;
  /** The caller has just examined the image, and with it the whole computer. */
  readonly imageIsExamined?: boolean;
}

/** What `apply` has made. */
export interface ApplyResult {
  readonly config: Config;
  readonly state: State;
  /** Nodes that are Ready; empty if they were not waited for. */
  readonly nodes: readonly KubernetesNode[];
}

/** Brings the cluster to what the configuration says. */
export async function apply(context: Context, options: ApplyOptions): Promise<ApplyResult> {
  return context.workspace.exclusively(async () => {
    const { workspace } = context;
    const config = await workspace.readConfig();
    let state = await workspace.readState();
    const mode = stateMode(state);
    const plan = planApply({
      config,
      state,
      mode,
      skip: options.skipPhases,
      hasMasterSecret: workspace.has(MASTER_SECRET_FILE),
      hasAdminConf: workspace.has(ADMIN_CONF_FILE),
    });
    await warn(context, config, plan);
    if (runs(plan, "init")) await checkKeyManagement(context, config);
    if (plan.creates && options.imageIsExamined !== true) {
      await requireWholeImage(context, await readImage(context, config.image));
    }
    await agree(context, plan, options.yes);
    const isCluster = mode === "post-init";
    let surplus: readonly NodeRecord[] | undefined;
    if (runs(plan, "infrastructure")) {
      const how = { deferWorkers: !isCluster, keepSurplus: isCluster };
      ({ state, surplus } = await infrastructurePhase(context, config, state, how));
    }
    if (runs(plan, "init")) state = await initPhase(context, config, state);
    const removes = (surplus ?? []).length > 0 || removedWorkers(state).length > 0;
    const needsKubernetes = runs(plan, "attestationconfig") || !options.skipNodeWait || removes;
    if (isCluster && needsKubernetes) await reachApiServer(context, config, state);
    if (isCluster && removes) state = await removeNodes(context, config, state, surplus);
    if (runs(plan, "attestationconfig")) await attestationConfigPhase(context, config, state, options.yes);
    const initialised = state.clusterValues.clusterID !== "";
    if (initialised && !isCluster && state.infrastructure.qemu?.accel === "tcg") {
      if (!options.skipNodeWait) await waitForControlPlane(context, state);
      if (runs(plan, "infrastructure")) state = await startDeferred(context, config, state);
    }
    const nodes = initialised && !options.skipNodeWait ? await waitForNodes(context, state) : [];
    if (nodes.length > 0) await waitForDns(context, state, { isFinished: isCluster });
    if (initialised) {
      const how = { keepMasterSecret: options.keepMasterSecret === true, isReady: nodes.length > 0 };
      state = await releaseMasterSecret(context, config, state, how);
    }
    return { config, state, nodes };
  });
}

async function waitForControlPlane(context: Context, state: State): Promise<void> {
  await waitForNodes(context, state, "control-plane");
  await waitForDns(context, state, { isFinished: false });
}

/** Starts the workers that have waited for the control plane. */
async function startDeferred(context: Context, config: Config, state: State): Promise<State> {
  return (await infrastructurePhase(context, config, state, { deferWorkers: false, keepSurplus: false })).state;
}

/** What the user is told at the end. */
export function describeResult(context: Context, result: ApplyResult): string {
  const { state, config } = result;
  if (context.json) return `${JSON.stringify(jsonResult(context, result), null, 2)}\n`;
  const rows = [
    ["Cluster name", config.name],
    ["Cluster endpoint", state.infrastructure.clusterEndpoint],
  ];
  if (state.clusterValues.clusterID === "") {
    return `The machines are there, the cluster is not initialised.\n\n${formatTable(rows, "  ")}\n`;
  }
  rows.push(["Cluster ID", state.clusterValues.clusterID]);
  for (const node of result.nodes) rows.push([`Node ${node.name}`, `Ready, ${node.version}`]);
  const { shownFolder } = context.workspace;
  const others =
    shownFolder === "" ? "" : `Other commands for this cluster:\n  constellation --workspace ${shownFolder} status\n`;
  return `Your Constellation cluster is up.\n\n${formatTable(rows, "  ")}\n\nYou can now use it with:\n  ${exportLine(context)}\n${others}`;
}

/** The line that points kubectl at the cluster. */
function exportLine(context: Context): string {
  return `export KUBECONFIG="${context.workspace.path(ADMIN_CONF_FILE)}"`;
}

function jsonResult(context: Context, { state, config, nodes }: ApplyResult): unknown {
  const initialised = state.clusterValues.clusterID !== "";
  return {
    name: config.name,
    clusterEndpoint: state.infrastructure.clusterEndpoint,
    clusterID: state.clusterValues.clusterID,
    kubeconfig: initialised ? context.workspace.path(ADMIN_CONF_FILE) : "",
    nodes: nodes.map(({ name, ready, version, address }) => ({ name, ready, version, address })),
  };
}

async function agree(context: Context, plan: Plan, yes: boolean): Promise<void> {
  const { io } = context;
  for (const line of plan.summary) io.err(`${line}\n`);
  io.err(
    `Phases:\n${formatTable(
      plan.phases.map(({ name, run, text }) => [run ? "+" : "-", name, text]),
      "  ",
    )}\n`,
  );
  if (plan.question === undefined || yes) return;
  if (!(await confirm(io, plan.question, context.signal))) {
    throw new CliError("declined", "Apply failed: you have declined it; nothing was changed");
  }
}

async function warn(context: Context, config: Config, plan: Plan): Promise<void> {
  const warnings: string[] = [];
  if (config.debugCluster) warnings.push("this is a debug cluster: whoever reaches its nodes can look into them");
  const { variant } = ATTESTATION_VARIANTS[attestationVariant(config)];
  if (runs(plan, "init") && clusterRegisterOf(variant) === undefined) {
    warnings.push(
      `evidence of ${variant} does not show whether a machine is fresh: one that somebody else initialised and took over before gets the master secret, too; boot it anew where only you reach it`,
    );
  }
  for (const [index, { warnOnly }] of Object.entries(statedMeasurements(config))) {
    if (warnOnly) warnings.push(`PCR ${index} may have any value: warnOnly in the configuration`);
  }
  if (config.keyManagement !== undefined && !recoversItself(config)) {
    warnings.push(
      `control planes with evidence of ${attestationVariant(config)} can't recover by the KMS: when none is left, they need \`constellation recover\``,
    );
  }
  if (runs(plan, "infrastructure")) {
    const image = await readImage(context, config.image);
    const stale = staleMeasurements(config, image.measurements);
    if (stale.length > 0) {
      warnings.push(
        `the configuration's measurements are not those of the image (PCR ${stale.join(", ")}): its nodes will be refused`,
      );
    }
  }
  for (const warning of warnings) context.io.err(`Warning: ${warning}\n`);
}
