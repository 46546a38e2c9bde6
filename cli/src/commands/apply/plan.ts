import {
  attestationVariant,
  type Config,
  nodeCount,
  recordedNodes,
  type State,
  type StateMode,
} from "@constellation/config";
import { describeKms } from "@constellation/kms/root";
import { removedWorkers } from "../../cluster/removal.ts";
import { CliError } from "../../errors.ts";
import { PHASES, type Phase } from "./phase.ts";

/** What a plan is made from. */
export interface PlanInput {
  readonly config: Config;
  readonly state: State;
  readonly mode: StateMode;
  readonly skip: ReadonlySet<Phase>;
  readonly hasMasterSecret: boolean;
  readonly hasAdminConf: boolean;
}

/** What `apply` will do. */
export interface Plan {
  readonly phases: readonly { readonly name: Phase; readonly run: boolean; readonly text: string }[];
  /** What is asked before the first change; undefined if nothing changes. */
  readonly question: string | undefined;
  /** Whether machines are created. */
  readonly creates: boolean;
  /** Lines that describe what will be created or changed. */
  readonly summary: readonly string[];
}

/**
 * Decides which phases run.
 *
 * @throws CliError `workspace` if files and state contradict each other, `unsupported-change` for a change that no phase
 * can make
 */
export function planApply(input: PlanInput): Plan {
  checkWorkspace(input);
  checkVariant(input);
  checkKeyManagement(input);
  const changes = input.mode === "pre-create" ? [] : nodeChanges(input);
  const phases = PHASES.map((name) => ({ name, ...phasePlan(name, input, changes) }));
  const isNew = input.mode === "pre-create" && !input.skip.has("infrastructure");
  return {
    phases,
    creates: isNew || (!input.skip.has("infrastructure") && changes.some(({ adds }) => adds)),
    summary: isNew ? creationSummary(input) : [...changes.map(({ text }) => text), ...begunRemovals(input)],
    question: isNew
      ? "Do you want to create this cluster?"
      : changes.length > 0
        ? "Do you want to apply these changes?"
        : undefined,
  };
}

/** Whether a phase of a plan runs. */
export function runs(plan: Plan, phase: Phase): boolean {
  return plan.phases.some(({ name, run }) => name === phase && run);
}

function phasePlan(phase: Phase, input: PlanInput, changes: readonly Change[]): { run: boolean; text: string } {
  if (input.skip.has(phase)) return { run: false, text: "skipped, as asked" };
  const initialised = input.mode === "post-init";
  switch (phase) {
    case "infrastructure":
      if (input.mode === "pre-create") return { run: true, text: "create machines" };
      return { run: true, text: changes.length > 0 ? "change machines" : "check machines, restart what has ended" };
    case "init":
      if (initialised && input.hasAdminConf) return { run: false, text: "done before" };
      if (initialised) return { run: true, text: "fetch the kubeconfig again" };
      return { run: true, text: resumes(input) ? "go on with initialisation" : "initialise the cluster" };
    case "attestationconfig":
      if (!initialised && input.skip.has("init")) return { run: false, text: "not before init" };
      return { run: true, text: "bring node records and attestation policy in the cluster up to date" };
  }
}

function resumes(input: PlanInput): boolean {
  return input.state.clusterValues.measurementSalt !== "";
}

function checkWorkspace(input: PlanInput): void {
  const { mode, skip, hasAdminConf, hasMasterSecret } = input;
  if (mode === "pre-create" && skip.has("infrastructure")) {
    throw new CliError(
      "workspace",
      "Plan apply failed: the infrastructure phase is skipped, but there are no machines",
      {
        hint: "run `constellation apply` without --skip-phases infrastructure",
      },
    );
  }
  if (mode === "pre-create" && hasAdminConf) {
    throw new CliError(
      "workspace",
      "Plan apply failed: the workspace holds the kubeconfig of another cluster, and no state of one",
      { hint: "end the other cluster with `constellation terminate`, or move constellation-admin.conf away" },
    );
  }
  const isReleased = mode === "post-init" && input.state.clusterValues.masterSecret === "deleted";
  if (isReleased && !hasAdminConf && !hasMasterSecret && !skip.has("init")) {
    throw new CliError("workspace", "Plan apply failed: constellation-admin.conf of this cluster is missing", {
      hint: "bring the file back from your backup: nodes give it again only to who has the master secret, which was deleted",
    });
  }
  if (mode !== "pre-create" && !hasMasterSecret && !isReleased && (mode === "post-init" || resumes(input))) {
    throw new CliError("workspace", "Plan apply failed: constellation-mastersecret.json of this cluster is missing", {
      hint: "bring the file back from your backup, or end the cluster with `constellation terminate`",
    });
  }
}

/** Machines that this program makes give evidence of one variant. Others are made elsewhere, and stand in the state. */
function checkVariant({ config, skip }: PlanInput): void {
  const variant = attestationVariant(config);
  if (variant === "qemu-vtpm" || skip.has("infrastructure")) return;
  throw new CliError(
    "unsupported-change",
    `Plan apply failed: the configuration asks for evidence of ${variant}, and this program makes machines for qemu-vtpm only`,
    {
      hint: "make the machines yourself, write infrastructure.nodes and the endpoints into constellation-state.yaml, and run `constellation apply --skip-phases infrastructure`",
    },
  );
}

/** Where the root key is was decided when the cluster was initialised. */
function checkKeyManagement({ config, state, mode }: PlanInput): void {
  const isExternal = state.clusterValues.masterSecret !== undefined;
  if (mode !== "post-init" || isExternal === (config.keyManagement !== undefined)) return;
  const [got, wanted] = isExternal ? ["no keyManagement", "its KMS"] : ["keyManagement", "none"];
  throw new CliError(
    "unsupported-change",
    `Plan apply failed: the configuration has ${got}, and the cluster was initialised with ${wanted}`,
    { hint: "where the root key is counts at init: change the section back, or make a new cluster" },
  );
}

interface Change {
  readonly text: string;
  readonly adds: boolean;
}

function nodeChanges(input: PlanInput): Change[] {
  const existing = recordedNodes(input.state);
  return (["control-plane", "worker"] as const).flatMap((role) => {
    const got = existing.filter((node) => node.role === role).length;
    const wanted = nodeCount(input.config, role);
    if (wanted === got) return [];
    if (wanted < got && role === "control-plane") throw fewerControlPlanes(got, wanted);
    const adds = wanted > got;
    const verb = adds ? "Add" : "Remove";
    const moved = wanted < got && input.mode === "post-init" ? "; its pods are moved to other nodes first" : "";
    const text = `${verb} ${plural(Math.abs(wanted - got), `${role} node`)}: from ${got} to ${wanted}${moved}`;
    return [{ text, adds }];
  });
}

/** Removals that an earlier run has begun: they were agreed to then. */
function begunRemovals({ state, skip }: PlanInput): string[] {
  if (skip.has("infrastructure")) return [];
  const names = removedWorkers(state).map(({ name }) => name);
  return names.length === 0
    ? []
    : [`The removal of ${[...new Set(names)].join(", ")} has begun before and is not finished`];
}

function fewerControlPlanes(got: number, wanted: number): CliError {
  return new CliError(
    "unsupported-change",
    `Plan apply failed: the cluster has ${plural(got, "control plane")}, and the configuration wants ${wanted}`,
    {
      hint: `control planes can be added but not removed: set initialCount of their node groups to ${got} or more in sum`,
    },
  );
}

function creationSummary(input: PlanInput): string[] {
  const { config } = input;
  const { vcpus, memory, accel } = config.provider.qemu;
  const controlPlanes = nodeCount(config, "control-plane");
  const workers = nodeCount(config, "worker");
  const lines = [
    `The following Constellation cluster will be created:`,
    `  ${plural(controlPlanes, "control-plane node")} and ${plural(workers, "worker node")}, each a virtual machine with ${vcpus} CPUs and ${memory} MiB (acceleration: ${accel})`,
    `  name ${config.name}, Kubernetes ${config.kubernetesVersion}, image ${config.image}`,
  ];
  if (config.keyManagement !== undefined) {
    lines.push(`  its root key wrapped by ${describeKms(config.keyManagement.kms)}`);
  }
  if (input.hasMasterSecret) lines.push("  with the master secret that is in the workspace already");
  if (controlPlanes % 2 === 0) {
    lines.push(
      `  note: ${controlPlanes} control planes survive the loss of no more of them than ${controlPlanes - 1} do`,
    );
  }
  return lines;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
