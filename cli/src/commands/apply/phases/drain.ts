import { retryKubernetes } from "../../../cluster/kubernetes.ts";
import type { Context } from "../../../context.ts";
import type { KubernetesPod, KubernetesPort } from "../../../ports/cluster.ts";
import type { Step } from "../../../terminal/progress.ts";
import { printable } from "../../../terminal/printable.ts";

const POLL_MS = 5_000;

/**
 * Moves the pods of workers that will be removed: no new ones come, and those that are there are asked to go, as far as
 * their PodDisruptionBudgets allow. After the bound the rest is named and left: it ends with its machine.
 *
 * Names that Kubernetes does not know are left out: such a worker has never joined, or its object is deleted already.
 */
export async function drainWorkers(
  context: Context,
  kubernetes: KubernetesPort,
  workers: readonly string[],
  timeoutMs: number,
): Promise<void> {
  await context.progress.step(`Move pods away from ${workers.join(", ")}`, async (step) => {
    const known = await cordon(context, kubernetes, workers);
    const nodes = await retryKubernetes(context, (signal) => kubernetes.nodes(signal));
    const ready = known.filter((name) => nodes.some((node) => node.name === name && node.ready));
    for (const name of known.filter((worker) => !ready.includes(worker))) {
      warn(
        context,
        `${name} is not Ready, so its pods can't end politely; Kubernetes replaces them once it is removed`,
      );
    }
    await evictAll(context, kubernetes, ready, timeoutMs, step);
  });
}

/** Keeps new pods off all of the workers first, or those of one would move to the next. */
async function cordon(context: Context, kubernetes: KubernetesPort, workers: readonly string[]): Promise<string[]> {
  const known: string[] = [];
  for (const name of workers) {
    if (await retryKubernetes(context, (signal) => kubernetes.setSchedulable(name, false, signal))) known.push(name);
  }
  return known;
}

async function evictAll(
  context: Context,
  kubernetes: KubernetesPort,
  workers: readonly string[],
  timeoutMs: number,
  step: Step,
): Promise<void> {
  const endMs = context.clock.monotonicMs() + timeoutMs;
  const reasons = new Map<string, string>();
  for (;;) {
    const pods: KubernetesPod[] = [];
    for (const name of workers) {
      pods.push(...(await retryKubernetes(context, (signal) => kubernetes.movablePods(name, signal))));
    }
    if (pods.length === 0) return;
    for (const pod of pods) {
      if (context.clock.monotonicMs() >= endMs) break;
      reasons.set(pod.uid, await evict(context, kubernetes, pod));
      step.note(`${pods.length} left; ${reasons.get(pod.uid)}`);
    }
    if (context.clock.monotonicMs() + POLL_MS >= endMs) {
      const rest = pods.map((pod) => reasons.get(pod.uid) ?? isStill("there", pod));
      const count = rest.length === 1 ? "1 pod has" : `${rest.length} pods have`;
      return warn(context, `${count} not gone within ${timeoutMs / 60_000} minutes: ${rest.join("; ")}`);
    }
    await context.clock.sleep(POLL_MS, context.signal);
  }
}

/** Asks one pod to go, and gives why it is still there. */
async function evict(context: Context, kubernetes: KubernetesPort, pod: KubernetesPod): Promise<string> {
  if (pod.ending) return isStill("ending", pod);
  try {
    await kubernetes.evictPod(pod, context.signal);
    return isStill("ending", pod);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isAnswer(error)) throw error;
    context.debug(`eviction refused: ${error.message}`);
    return error.message;
  }
}

function isStill(what: string, { namespace, name }: KubernetesPod): string {
  return `pod "${namespace}/${name}" is still ${what}`;
}

/** Whether the API server, or nobody, has answered. Whatever it says of one pod is taken for "not now". */
function isAnswer(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { status, retryable } = error as { status?: unknown; retryable?: unknown };
  return typeof status === "number" || retryable === true;
}

function warn(context: Context, text: string): void {
  context.progress.line(`Warning: ${printable(text)}`);
}
