import { generationEntries } from "@constellation/keys";
import { retryKubernetes } from "../../cluster/kubernetes.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import type { KubernetesPort } from "../../ports/cluster.ts";
import { confirm } from "../../terminal/prompt.ts";
import { type Keyrings, readKeyrings } from "./cluster-keyring.ts";
import { type KeysStatus, openKubernetes, statusOf } from "./status.ts";
import { usersOf } from "./usage.ts";

/** Options of `keys rotate --prune`. */
export interface PruneOptions {
  readonly yes: boolean;
  /** The user says that no object of the S3 proxy needs an older generation: the cluster can't see into the store. */
  readonly objectsRewritten: boolean;
}

/**
 * Removes the generations between the first, which makes the cluster's ID, and the current one: from the cluster, then
 * from the file. Refuses while anything uses one of them. Cut off between the two, it can be run again.
 * @throws CliError `refused`
 */
export async function pruneKeys(context: Context, options: PruneOptions): Promise<KeysStatus> {
  const kubernetes = await openKubernetes(context, "Remove generations");
  return await context.workspace.exclusively(async () => {
    const keyrings = await readKeyrings(context, kubernetes);
    try {
      await prune(context, kubernetes, keyrings, options);
    } finally {
      keyrings.own.wipe();
    }
    const after = await readKeyrings(context, kubernetes);
    try {
      return await statusOf(context, kubernetes, after);
    } finally {
      after.own.wipe();
    }
  });
}

async function prune(
  context: Context,
  kubernetes: KubernetesPort,
  keyrings: Keyrings,
  options: PruneOptions,
): Promise<void> {
  const { file, own, secret, stored, clusterCurrent } = keyrings;
  const candidates = own.numbers.filter((generation) => generation > 1 && generation < clusterCurrent);
  if (candidates.length === 0) {
    context.progress.line(
      "There is no generation to remove: the first one makes the cluster's ID, the last one is current.",
    );
    return;
  }
  await requireUnused(context, kubernetes, keyrings, candidates);
  await requireObjectsRewritten(context, kubernetes, options);
  await requireConsent(context, options, candidates);
  const inCluster = candidates.filter((generation) => stored[generation - 1]?.kind === "plain");
  if (inCluster.length > 0) await removeFromCluster(context, kubernetes, secret, inCluster);
  await context.workspace.replaceMasterSecret({
    ...file,
    rotated: file.rotated.filter(({ generation }) => !candidates.includes(generation)),
  });
  context.progress.line(`Removed ${generations(candidates)}.`);
}

async function removeFromCluster(
  context: Context,
  kubernetes: KubernetesPort,
  secret: Keyrings["secret"],
  numbers: readonly number[],
): Promise<void> {
  const names = numbers.map(generationEntries).flatMap(({ secret: master, salt }) => [master, salt]);
  const entries = Object.fromEntries(names.map((name) => [name, new Uint8Array()]));
  if (await retryKubernetes(context, (signal) => kubernetes.changeKeyring(secret, { entries }, signal))) return;
  throw new CliError("cluster", "Remove generations failed: the Secret was changed meanwhile; nothing was removed", {
    hint: "run the same command again",
  });
}

async function requireUnused(
  context: Context,
  kubernetes: KubernetesPort,
  keyrings: Keyrings,
  candidates: readonly number[],
): Promise<void> {
  const status = await statusOf(context, kubernetes, keyrings);
  for (const generation of candidates) {
    const users = usersOf(status, generation);
    if (users.length === 0) continue;
    const message = `Remove generations failed: generation ${generation} may be used by ${users.join(", ")}; nothing was removed`;
    throw new CliError("refused", message, { hint: "see `constellation keys status`" });
  }
}

async function requireObjectsRewritten(
  context: Context,
  kubernetes: KubernetesPort,
  { objectsRewritten }: PruneOptions,
): Promise<void> {
  const proxy = await retryKubernetes(context, (signal) => kubernetes.isAvailable("kube-system", "s3proxy", signal));
  if (proxy === undefined || objectsRewritten) return;
  const message = "Remove generations failed: objects that the S3 proxy wrote may need them; nothing was removed";
  throw new CliError("refused", message, {
    hint: "write such objects again under the current key, and say so with --objects-rewritten",
  });
}

async function requireConsent(
  { io, signal }: Context,
  { yes }: PruneOptions,
  candidates: readonly number[],
): Promise<void> {
  if (yes) return;
  io.err(`You are about to remove ${generations(candidates)} of the master secret. Backups, snapshots and objects that were
encrypted under them can't be read any more. This can't be undone.\n`);
  if (await confirm(io, "Do you want to remove them?", signal)) return;
  throw new CliError("declined", "Remove generations failed: you have declined it; nothing was changed");
}

function generations(numbers: readonly number[]): string {
  return `generation${numbers.length === 1 ? "" : "s"} ${numbers.join(", ")}`;
}
