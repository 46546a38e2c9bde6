import { retryKubernetes } from "../../cluster/kubernetes.ts";
import type { Context } from "../../context.ts";
import type { KubernetesPort } from "../../ports/cluster.ts";
import { ENCRYPTED_RESOURCES, type EncryptedObject } from "../../ports/keyring.ts";

/** HTTP status of a page that was asked for too late (RFC 9110, section 15.5.11). */
const GONE = 410;
const MAX_RESTARTS = 5;

/**
 * Has the API server write every object that it encrypts again, and so under its current key. Their contents stay in the
 * cluster: only names and versions come here. What is written meanwhile is under the current key anyway.
 */
export async function rewriteEncrypted(
  context: Context,
  kubernetes: KubernetesPort,
  note: (text: string) => void,
): Promise<void> {
  for (const resource of ENCRYPTED_RESOURCES) {
    for (let restarts = 0; ; restarts++) {
      try {
        await rewriteAll(context, kubernetes, resource, note);
        break;
      } catch (error) {
        if ((error as { status?: unknown }).status !== GONE || restarts === MAX_RESTARTS) throw error;
        context.debug(`list of ${resource} has expired, beginning anew`);
      }
    }
  }
}

async function rewriteAll(
  context: Context,
  kubernetes: KubernetesPort,
  resource: EncryptedObject["resource"],
  note: (text: string) => void,
): Promise<void> {
  let count = 0;
  let next: string | undefined;
  do {
    const at = next;
    const page = await retryKubernetes(context, (signal) => kubernetes.listEncrypted(resource, at, signal));
    for (const object of page.objects) {
      await retryKubernetes(context, (signal) => kubernetes.rewrite(object, signal));
      note(`${++count} ${resource} rewritten`);
    }
    next = page.next;
  } while (next !== undefined);
}
