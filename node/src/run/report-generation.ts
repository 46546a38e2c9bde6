import { GENERATION_ANNOTATIONS } from "@constellation/cluster-state";
import type { KubeClient } from "@constellation/kube";
import { describeError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import type { Member } from "../machine/node.ts";
import { retry } from "../retry.ts";

/**
 * Says on this node's own Node object which generation of the master secret the key of its state disk is from: by that the
 * operator sees when a rotation has arrived everywhere. It decides nothing: the disk's header and the key service do.
 */
export async function reportGeneration(
  client: Pick<KubeClient, "patchNode">,
  { state, diskGeneration }: Pick<Member, "state" | "diskGeneration">,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const patch = { metadata: { annotations: { [GENERATION_ANNOTATIONS.node]: String(diskGeneration) } } };
  try {
    await retry("the node's annotation to be written", () => client.patchNode(state.name, patch, signal), {
      signal,
      firstDelayMs: 1_000,
      maxDelayMs: 30_000,
      onFailure: (error) => log.debug("generation not reported yet", { error: describeError(error) }),
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
