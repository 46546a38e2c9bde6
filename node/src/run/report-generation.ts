import { GENERATION_ANNOTATIONS } from "@constellation/cluster-state";
import type { KubeClient } from "@constellation/kube";
import { describeError } from "../errors.ts";
import type { EtcdKeyring } from "../kms/etcd-keyring.ts";
import type { Log } from "../log/log.ts";
import type { Member } from "../machine/node.ts";
import { retry } from "../retry.ts";
import { unlessAborted } from "../unless-aborted.ts";

/**
 * Says on this node's own Node object of which generation of the master secret the key of its state disk is, and on a
 * control plane under which one its API server writes secrets: by that the operator sees when a rotation has arrived
 * everywhere. It decides nothing: the disk's header and the key service do.
 * @param ring of a control plane
 */
export async function reportGenerations(
  client: Pick<KubeClient, "patchNode">,
  { state, diskGeneration }: Pick<Member, "state" | "diskGeneration">,
  ring: Pick<EtcdKeyring, "written" | "writtenChanged"> | undefined,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  try {
    for (;;) {
      const changed = ring?.writtenChanged();
      const annotations: Record<string, string> = { [GENERATION_ANNOTATIONS.node]: String(diskGeneration) };
      if (ring?.written !== undefined) annotations[GENERATION_ANNOTATIONS.apiServer] = String(ring.written);
      await retry(
        "annotations of the node",
        () => client.patchNode(state.name, { metadata: { annotations } }, signal),
        {
          signal,
          firstDelayMs: 1_000,
          maxDelayMs: 30_000,
          onFailure: (error) => log.debug("generations not reported yet", { error: describeError(error) }),
        },
      );
      if (changed === undefined) return;
      await unlessAborted(changed, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
