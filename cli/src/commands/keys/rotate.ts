import { keyringOf, MASTER_SECRET_FILE } from "@constellation/config";
import { generationEntries } from "@constellation/keys";
import { retryKubernetes } from "../../cluster/kubernetes.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import type { KubernetesPort } from "../../ports/cluster.ts";
import { confirm } from "../../terminal/prompt.ts";
import { type Keyrings, newGeneration, readKeyrings } from "./cluster-keyring.ts";
import { followRotation } from "./follow.ts";
import { type KeysStatus, openKubernetes, statusOf } from "./status.ts";

/** Options of `keys rotate`. */
export interface RotateOptions {
  readonly yes: boolean;
  /** Makes another generation although not everything uses the current one yet. */
  readonly another: boolean;
  /** Whether to stay until everything uses the new generation. */
  readonly wait: boolean;
  readonly timeoutMinutes: number;
}

const MAX_CONFLICTS = 5;

/**
 * Makes a new generation of the master secret, writes it into the workspace's file and then into the cluster, and stays
 * until everything uses it. While an earlier rotation has not come to its end, this one goes on with it instead of making
 * another: the file decides, which may have a generation that the cluster has not.
 */
export async function rotateKeys(context: Context, options: RotateOptions): Promise<KeysStatus> {
  const kubernetes = await openKubernetes(context, "Rotate master secret");
  await context.workspace.exclusively(() => pushGeneration(context, kubernetes, options));
  if (options.wait) return await followRotation(context, kubernetes, options.timeoutMinutes * 60_000);
  const keyrings = await readKeyrings(context, kubernetes);
  try {
    return await statusOf(context, kubernetes, keyrings);
  } finally {
    keyrings.own.wipe();
  }
}

async function pushGeneration(context: Context, kubernetes: KubernetesPort, options: RotateOptions): Promise<void> {
  let keyrings = await readKeyrings(context, kubernetes);
  try {
    const { own, clusterCurrent } = keyrings;
    if (own.current > clusterCurrent) {
      context.progress.line(
        `Generation ${own.current} is in ${MASTER_SECRET_FILE} already: bringing it to the cluster.`,
      );
    } else if (!options.another && !(await statusOf(context, kubernetes, keyrings)).upToDate) {
      context.progress.line(
        `Not everything uses generation ${own.current} yet: going on with it. --another makes one more.`,
      );
    } else {
      await requireConsent(context, options, own.current + 1);
      await writeNewGeneration(context, keyrings, own.current + 1);
    }
    await context.progress.step("Write master secret to the cluster", async () => {
      for (let conflicts = 0; ; conflicts++) {
        keyrings.own.wipe();
        keyrings = await readKeyrings(context, kubernetes);
        if (await push(context, kubernetes, keyrings)) return;
        if (conflicts === MAX_CONFLICTS) {
          throw new CliError("cluster", "Write master secret to the cluster failed: others keep changing its Secret");
        }
      }
    });
  } finally {
    keyrings.own.wipe();
  }
}

async function requireConsent(context: Context, { yes }: RotateOptions, generation: number): Promise<void> {
  if (yes) return;
  const { io, signal, workspace } = context;
  io.err(
    `You are about to rotate the master secret of this cluster to generation ${generation}.
It is written to ${workspace.show(MASTER_SECRET_FILE)}: back that file up again afterwards. Nodes take the new key of
their disk when they boot next.\n`,
  );
  if (await confirm(io, "Do you want to rotate the master secret?", signal)) return;
  throw new CliError("declined", "Rotate master secret failed: you have declined it; nothing was changed");
}

async function writeNewGeneration(context: Context, { file }: Keyrings, generation: number): Promise<void> {
  const next = { ...file, rotated: [...file.rotated, newGeneration(context, generation)] };
  try {
    await context.workspace.replaceMasterSecret(next);
  } finally {
    keyringOf(next).wipe();
  }
  context.progress.line(
    `Generation ${generation} was written to ${context.workspace.show(MASTER_SECRET_FILE)}. Back the file up again.`,
  );
}

/** Adds what the cluster lacks; false if its Secret was changed meanwhile. */
async function push(
  context: Context,
  kubernetes: KubernetesPort,
  { own, secret, clusterCurrent }: Keyrings,
): Promise<boolean> {
  const entries: Record<string, Uint8Array> = {};
  for (let generation = clusterCurrent + 1; generation <= own.current; generation++) {
    const names = generationEntries(generation);
    const found = own.numbers.includes(generation) ? own.get(generation) : undefined;
    entries[names.secret] = found?.master.reveal() ?? new Uint8Array();
    entries[names.salt] = found?.salt ?? new Uint8Array();
  }
  if (Object.keys(entries).length === 0) return true;
  return await retryKubernetes(context, (signal) => kubernetes.changeKeyring(secret, { entries }, signal));
}
