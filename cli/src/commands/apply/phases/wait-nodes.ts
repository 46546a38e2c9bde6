import { recordedNodes, type State } from "@constellation/config";
import { requireMachinesRunning } from "../../../cluster/crashed.ts";
import { isTemporaryKubernetesError, KubernetesPatience } from "../../../cluster/kubernetes.ts";
import type { Context } from "../../../context.ts";
import { CliError } from "../../../errors.ts";
import type { KubernetesNode, KubernetesPort } from "../../../ports/cluster.ts";

const POLL_MS = 5_000;
const TIMEOUT_MS = { default: 15 * 60_000, patient: 60 * 60_000 } as const;

/** Waits until every recorded node, or every one of a role, is Ready. */
export async function waitForNodes(
  context: Context,
  state: State,
  role?: "control-plane" | "worker",
): Promise<readonly KubernetesNode[]> {
  const records = recordedNodes(state);
  const names = records.filter((node) => role === undefined || node.role === role).map((node) => node.name);
  const what = `${names.length === 1 ? "1 node" : `${names.length} nodes`} to be Ready`;
  return await waitFor(context, state, what, async (kubernetes) => {
    const nodes = await kubernetes.nodes(context.signal);
    const missing = names.filter((name) => !nodes.some((node) => node.name === name && node.ready));
    if (missing.length === 0) return { done: nodes.filter((node) => names.includes(node.name)) };
    const waiting = missing.map((name) => describe(name, nodes)).join(", ");
    return { note: `${names.length - missing.length} of ${names.length}; waiting for ${waiting}` };
  });
}

/**
 * Waits until the cluster's DNS answers: the first pods that the network has to carry. A node is Ready before that,
 * while Cilium still compiles its programs. In a cluster that was finished before, the user may have put another DNS in
 * the place of ours: that it is missing is said, and not waited for.
 */
export async function waitForDns(
  context: Context,
  state: State,
  options: { readonly isFinished: boolean },
): Promise<void> {
  const outcome = await waitFor(context, state, "the cluster's DNS", async (kubernetes) => {
    const available = await kubernetes.isAvailable("kube-system", "coredns", context.signal);
    if (available === undefined && options.isFinished) return { done: "missing" };
    return available ? { done: "available" } : { note: "waiting for Deployment kube-system/coredns to be available" };
  });
  if (outcome === "available") return;
  context.progress.line("Warning: there is no Deployment kube-system/coredns, so the cluster's DNS was not waited for");
}

/** Asks again and again. While the API server can't be reached, the last note stands. */
export async function waitFor<T>(
  context: Context,
  state: State,
  what: string,
  ask: (kubernetes: KubernetesPort) => Promise<{ done: T } | { note: string }>,
): Promise<T> {
  const kubernetes = await context.dependencies.kubernetes(await context.workspace.readAdminConf());
  const patience = new KubernetesPatience(context.clock);
  const timeoutMs = TIMEOUT_MS[state.infrastructure.qemu?.accel === "tcg" ? "patient" : "default"];
  return context.progress.step(`Wait for ${what}`, async (step) => {
    const begin = context.clock.monotonicMs();
    let note = "waiting for an answer of the API server";
    for (;;) {
      try {
        const answer = await patience.attempt(() => ask(kubernetes));
        if ("done" in answer) return answer.done;
        note = answer.note;
      } catch (error) {
        context.signal.throwIfAborted();
        if (!isTemporaryKubernetesError(error)) throw error;
        context.debug(`wait for ${what}: ${String(error)}`);
      }
      step.note(note);
      await requireMachinesRunning(context, state);
      if (context.clock.monotonicMs() - begin > timeoutMs) throw timedOut(what, note, timeoutMs);
      await context.clock.sleep(POLL_MS, context.signal);
    }
  });
}

function describe(name: string, nodes: readonly KubernetesNode[]): string {
  const node = nodes.find((candidate) => candidate.name === name);
  if (node === undefined) return `${name} to join`;
  return node.reason === "" ? name : `${name}: ${node.reason}`;
}

function timedOut(what: string, note: string, timeoutMs: number): CliError {
  return new CliError("timeout", `Wait for ${what} failed after ${timeoutMs / 60_000} minutes: ${note}`, {
    hint: "`constellation apply` goes on waiting; `constellation status` shows nodes and machines",
  });
}
