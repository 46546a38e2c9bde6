import { describePod, isPodReady, type Pod } from "./cluster-objects.ts";
import type { Kubectl } from "./kubectl.ts";
import type { Holder } from "./volume-workload.ts";
import { minutes, waitUntil } from "./wait.ts";
import { NAMESPACE } from "./workload.ts";

const START_MS = minutes(20);

/** Waits for the pod of a holder. */
export async function holderReady(kubectl: Kubectl, { name }: Holder): Promise<void> {
  await waitUntil({ what: `pod ${name}`, timeoutMs: START_MS }, async (note) => {
    const now = await kubectl.json<Pod>(["--namespace", NAMESPACE, "get", "pod", name]);
    note(describePod(now));
    return isPodReady(now) ? true : undefined;
  });
}

/** Prints a holder's file. The first calls after a boot may come too early for the way to the node. */
export async function readHolder(kubectl: Kubectl, holder: Holder): Promise<string> {
  return await waitUntil({ what: `the file of ${holder.name}`, timeoutMs: START_MS }, () =>
    inHolder(kubectl, holder, "read", holder.file),
  );
}

/** Runs our own program in a holder's pod. */
export function inHolder(kubectl: Kubectl, { name }: Holder, ...args: readonly string[]): Promise<string> {
  return kubectl.run(["--namespace", NAMESPACE, "exec", name, "--", "/probe", ...args]);
}
