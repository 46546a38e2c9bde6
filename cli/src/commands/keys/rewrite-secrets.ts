import { retryKubernetes } from "../../cluster/kubernetes.ts";
import type { Context } from "../../context.ts";
import type { KubernetesPort } from "../../ports/cluster.ts";
import type { SecretReference } from "../../ports/keyring.ts";

/** HTTP status of a page that was asked for too late (RFC 9110, section 15.5.11). */
const GONE = 410;
const MAX_RESTARTS = 5;

/**
 * Has the API server write every Kubernetes secret again, and so under its current key. Their contents stay in the
 * cluster: only names and versions come here. What is written meanwhile is under the current key anyway.
 * @returns how many were asked for
 */
export async function rewriteSecrets(
  context: Context,
  kubernetes: KubernetesPort,
  note: (text: string) => void,
): Promise<number> {
  for (let restarts = 0; ; restarts++) {
    try {
      return await rewriteAll(context, kubernetes, note);
    } catch (error) {
      if ((error as { status?: unknown }).status !== GONE || restarts === MAX_RESTARTS) throw error;
      context.debug("list of secrets has expired, beginning anew");
    }
  }
}

async function rewriteAll(context: Context, kubernetes: KubernetesPort, note: (text: string) => void): Promise<number> {
  let count = 0;
  let next: string | undefined;
  do {
    const at = next;
    const page = await retryKubernetes(context, (signal) => kubernetes.listSecrets(at, signal));
    for (const secret of page.secrets) {
      await rewriteOne(context, kubernetes, secret);
      note(`${++count} secrets rewritten`);
    }
    next = page.next;
  } while (next !== undefined);
  return count;
}

function rewriteOne(context: Context, kubernetes: KubernetesPort, secret: SecretReference): Promise<void> {
  return retryKubernetes(context, (signal) => kubernetes.rewriteSecret(secret, signal));
}
