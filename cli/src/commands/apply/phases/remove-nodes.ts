import type { Config, NodeRecord, State } from "@constellation/config";
import { retryKubernetes } from "../../../cluster/kubernetes.ts";
import { goneWorkers, leavingWorkers, removedWorkers, withRemovedWorkers } from "../../../cluster/removal.ts";
import type { Context } from "../../../context.ts";
import { CliError } from "../../../errors.ts";
import type { KubernetesPort } from "../../../ports/cluster.ts";
import { drainWorkers } from "./drain.ts";
import { infrastructurePhase } from "./infrastructure.ts";

/** How long pods may take to go. Under emulation those that replace them need minutes to start. */
const DRAIN_TIMEOUT_MS = { default: 5 * 60_000, patient: 15 * 60_000 } as const;

/**
 * Removes machines that are not wanted any more: moves the pods of workers, ends the machines, deletes the workers' Node
 * objects. It can be cut off anywhere and run again (T10): the state names each worker from before its machine is ended
 * until its Node object is deleted, and no other Node object is ever deleted. It comes before the cluster's node records
 * are brought up to date, so that a new machine under an old name can't have joined when the old object goes.
 *
 * @param surplus the machines that are not wanted any more; undefined if machines are left alone in this run
 * @throws CliError `unsupported-change` if a control plane among them belongs to the cluster
 */
export async function removeNodes(
  context: Context,
  config: Config,
  before: State,
  surplus: readonly NodeRecord[] | undefined,
): Promise<State> {
  const kubernetes = await context.dependencies.kubernetes(await context.workspace.readAdminConf());
  const state = surplus === undefined ? before : await endMachines(context, kubernetes, config, before, surplus);
  const gone = goneWorkers(state);
  if (gone.length === 0) return state;
  const names = [...new Set(gone.map(({ name }) => name))];
  await context.progress.step(`Remove ${names.join(", ")} from Kubernetes`, async () => {
    for (const name of names) await retryKubernetes(context, (signal) => kubernetes.deleteNode(name, signal));
  });
  return keep(context, state, leavingWorkers(state));
}

async function endMachines(
  context: Context,
  kubernetes: KubernetesPort,
  config: Config,
  before: State,
  surplus: readonly NodeRecord[],
): Promise<State> {
  const state = await takeBack(context, kubernetes, before, surplus);
  if (surplus.length === 0) return state;
  await refuseMembers(context, kubernetes, surplus);
  const workers = surplus.filter(({ role }) => role === "worker").map(({ name }) => name);
  const timing = state.infrastructure.qemu?.accel === "tcg" ? "patient" : "default";
  if (workers.length > 0) await drainWorkers(context, kubernetes, workers, DRAIN_TIMEOUT_MS[timing]);
  return (await infrastructurePhase(context, config, state, { deferWorkers: false, keepSurplus: false })).state;
}

/** Workers whose removal was cut off while they were drained, and that are wanted again: pods may come once more. */
async function takeBack(
  context: Context,
  kubernetes: KubernetesPort,
  state: State,
  surplus: readonly NodeRecord[],
): Promise<State> {
  const isSurplus = ({ ekDigest }: NodeRecord) => surplus.some((record) => record.ekDigest === ekDigest);
  const wanted = leavingWorkers(state).filter((record) => !isSurplus(record));
  if (wanted.length === 0) return state;
  await context.progress.step(`Keep ${wanted.map(({ name }) => name).join(", ")}`, async () => {
    for (const { name } of wanted) {
      await retryKubernetes(context, (signal) => kubernetes.setSchedulable(name, true, signal));
    }
  });
  return keep(
    context,
    state,
    removedWorkers(state).filter((record) => !wanted.includes(record)),
  );
}

/**
 * A control plane is a member of etcd: ended by force it counts as failed for ever, and with it goes the majority that
 * the others need. The plan refuses that by the records; here it is made sure that these are not behind the cluster.
 */
async function refuseMembers(
  context: Context,
  kubernetes: KubernetesPort,
  surplus: readonly NodeRecord[],
): Promise<void> {
  const controlPlanes = surplus.filter(({ role }) => role === "control-plane");
  if (controlPlanes.length === 0) return;
  const nodes = await retryKubernetes(context, (signal) => kubernetes.nodes(signal));
  const members = controlPlanes.filter(({ name }) => nodes.some((node) => node.name === name));
  if (members.length === 0) return;
  const names = members.map(({ name }) => `"${name}"`).join(", ");
  throw new CliError("unsupported-change", `Remove machines failed: control plane ${names} belongs to the cluster`, {
    hint: "control planes can be added but not removed: raise initialCount of their node group again",
  });
}

async function keep(context: Context, state: State, removing: readonly NodeRecord[]): Promise<State> {
  const next = withRemovedWorkers(state, removing);
  await context.workspace.writeState(next);
  return next;
}
