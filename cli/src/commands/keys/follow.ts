import { retryKubernetes } from "../../cluster/kubernetes.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import type { KubernetesPort } from "../../ports/cluster.ts";
import type { Step } from "../../terminal/progress.ts";
import { readKeyrings } from "./cluster-keyring.ts";
import { rewriteEncrypted } from "./rewrite-encrypted.ts";
import { type KeysStatus, statusOf } from "./status.ts";

const PAUSE_MS = 5_000;

/**
 * Waits until everything uses the current generation, and has Kubernetes secrets written again once every API server
 * encrypts under it. It changes nothing else: nodes take their new keys when they boot. That takes the API server away
 * for a while where there is one control plane, so its silence is waited out like everything else.
 * @throws CliError `timeout`
 */
export async function followRotation(
  context: Context,
  kubernetes: KubernetesPort,
  timeoutMs: number,
): Promise<KeysStatus> {
  return await context.progress.step("Wait until everything uses the current generation", async (step) => {
    const begin = context.clock.monotonicMs();
    for (;;) {
      const late = (): boolean => context.clock.monotonicMs() - begin > timeoutMs;
      try {
        const status = await lookAndRewrite(context, kubernetes, step);
        if (status.upToDate) return status;
        step.note(waitingFor(status));
        if (late()) throw tooLong(status, timeoutMs);
      } catch (error) {
        if (late() || !(error instanceof CliError && error.code === "timeout")) throw error;
        step.note(
          "the API server does not answer: a control plane that has booted may wait for `constellation recover`",
        );
      }
      await context.clock.sleep(PAUSE_MS, context.signal);
    }
  });
}

async function lookAndRewrite(context: Context, kubernetes: KubernetesPort, step: Step): Promise<KeysStatus> {
  const keyrings = await readKeyrings(context, kubernetes);
  try {
    const status = await statusOf(context, kubernetes, keyrings);
    const { rewrittenGeneration, encryptingGeneration } = status.kubernetesSecrets;
    if (rewrittenGeneration >= status.current || encryptingGeneration < status.current) return status;
    await rewriteEncrypted(context, kubernetes, (text) => step.note(text));
    const change = { rewrittenGeneration: status.current };
    await retryKubernetes(context, (signal) => kubernetes.changeKeyring(keyrings.secret, change, signal));
  } finally {
    keyrings.own.wipe();
  }
  return await lookAgain(context, kubernetes);
}

async function lookAgain(context: Context, kubernetes: KubernetesPort): Promise<KeysStatus> {
  const keyrings = await readKeyrings(context, kubernetes);
  try {
    return await statusOf(context, kubernetes, keyrings);
  } finally {
    keyrings.own.wipe();
  }
}

function waitingFor({ stateDisks, volumes, kubernetesSecrets, current }: KeysStatus): string {
  const parts = [
    `state disks ${stateDisks.total - stateDisks.older.length}/${stateDisks.total}`,
    `volumes ${volumes.total - volumes.older.length}/${volumes.total}`,
    `Kubernetes secrets ${kubernetesSecrets.rewrittenGeneration >= current ? "done" : "to do"}`,
  ];
  return parts.join(", ");
}

function tooLong(status: KeysStatus, timeoutMs: number): CliError {
  const message = `Wait for the rotation failed: it took longer than ${timeoutMs / 60_000} minutes: ${waitingFor(status)}`;
  return new CliError("timeout", message, {
    hint: "the new generation is in place; reboot the nodes that `constellation keys status` names, and run the command again to follow",
  });
}
