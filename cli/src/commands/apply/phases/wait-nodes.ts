import type { State } from "@constellation/config";
import { requireMachinesRunning } from "../../../cluster/crashed.ts";
import { isTemporaryKubernetesError } from "../../../cluster/kubernetes.ts";
import type { Context } from "../../../context.ts";
import { CliError } from "../../../errors.ts";
import type { KubernetesNode, KubernetesPort } from "../../../ports/cluster.ts";

const POLL_MS = 2_000;
const TIMEOUT_MS = { default: 15 * 60_000, patient: 60 * 60_000 } as const;

/** Waits until every recorded node, or every one of a role, is Ready. */
export async function waitForNodes(
  context: Context,
  state: State,
  role?: "control-plane" | "worker",
): Promise<readonly KubernetesNode[]> {
  const records = state.infrastructure.qemu?.nodes ?? [];
  const names = records.filter((node) => role === undefined || node.role === role).map((node) => node.name);
  const kubernetes = await context.dependencies.kubernetes(await context.workspace.readAdminConf());
  const timeoutMs = TIMEOUT_MS[state.infrastructure.qemu?.accel === "tcg" ? "patient" : "default"];
  return context.progress.step(
    `Wait for ${names.length === 1 ? "1 node" : `${names.length} nodes`} to be Ready`,
    async (step) => {
      const begin = context.clock.monotonicMs();
      for (;;) {
        const nodes = await listNodes(kubernetes, context);
        const missing = names.filter((name) => !nodes.some((node) => node.name === name && node.ready));
        if (missing.length === 0) return nodes.filter((node) => names.includes(node.name));
        const waiting = missing.map((name) => describe(name, nodes)).join(", ");
        step.note(`${names.length - missing.length} of ${names.length}; waiting for ${waiting}`);
        await requireMachinesRunning(context);
        if (context.clock.monotonicMs() - begin > timeoutMs) throw notReady(waiting, timeoutMs);
        await context.clock.sleep(POLL_MS, context.signal);
      }
    },
  );
}

/** Nodes as Kubernetes lists them; none while the API server can't be reached. */
async function listNodes(kubernetes: KubernetesPort, context: Context): Promise<readonly KubernetesNode[]> {
  try {
    return await kubernetes.nodes(context.signal);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isTemporaryKubernetesError(error)) throw error;
    context.debug(`list nodes failed: ${String(error)}`);
    return [];
  }
}

function describe(name: string, nodes: readonly KubernetesNode[]): string {
  const node = nodes.find((candidate) => candidate.name === name);
  if (node === undefined) return `${name} to join`;
  return node.reason === "" ? name : `${name}: ${node.reason}`;
}

function notReady(waiting: string, timeoutMs: number): CliError {
  return new CliError(
    "timeout",
    `Wait for nodes to be Ready failed: after ${timeoutMs / 60_000} minutes still waiting for ${waiting}`,
    { hint: "`constellation apply` goes on waiting; `constellation status` shows nodes and machines" },
  );
}
