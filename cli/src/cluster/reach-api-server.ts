import { fromHex } from "@constellation/bytes";
import { attestationPolicy, type Config, FRESH_NODE, MASTER_SECRET_FILE, type State } from "@constellation/config";
import type { Context } from "../context.ts";
import { CliError } from "../errors.ts";
import { requireMachinesRunning } from "./crashed.ts";
import { isTemporaryKubernetesError, KubernetesPatience } from "./kubernetes.ts";
import { PORTS } from "./ports.ts";
import { endorserOf } from "./endorser.ts";

const PAUSE_MS = 2_000;
const TIMEOUT_MS = 30 * 60_000;

/**
 * Waits until the API server of an initialised cluster answers. Where all control planes have been down at once, as
 * after a restart of this computer, they wait for the master secret: each that asks gets it, once its evidence is
 * accepted.
 */
export async function reachApiServer(context: Context, config: Config, state: State): Promise<void> {
  const kubernetes = await context.dependencies.kubernetes(await context.workspace.readAdminConf());
  const patience = new KubernetesPatience(context.clock);
  const call = () => patience.attempt(() => kubernetes.nodes(context.signal));
  await context.progress.step("Reach the API server", async (step) => {
    const begin = context.clock.monotonicMs();
    for (;;) {
      const error = await failureOf(call, isTemporaryKubernetesError, context);
      if (error === undefined) return;
      step.note(error.message);
      if (await recoverOne(context, config, state)) context.progress.line("Recovered a control plane.");
      await requireMachinesRunning(context, state);
      if (context.clock.monotonicMs() - begin > TIMEOUT_MS) throw unreachable(error);
      await context.clock.sleep(PAUSE_MS, context.signal);
    }
  });
}

/** Gives the master secret to a control plane that waits for it; false if none answers. */
async function recoverOne(context: Context, config: Config, state: State): Promise<boolean> {
  // Where it was deleted, control planes recover by the cluster's KMS.
  if (state.clusterValues.masterSecret === "deleted" && !context.workspace.has(MASTER_SECRET_FILE)) return false;
  const secret = await context.workspace.readMasterSecret();
  const nodes = await context.dependencies.nodes();
  const endpoint = { host: state.infrastructure.clusterEndpoint, port: PORTS.recover };
  const parameters = {
    masterSecret: secret.masterSecret,
    masterSecretSalt: secret.salt,
    measurementSalt: fromHex(state.clusterValues.measurementSalt),
    rotated: secret.rotated,
  };
  // A control plane that waits for recovery has booted anew: the cluster ID is not in PCR 15 yet.
  const policy = attestationPolicy(config, state, { members: FRESH_NODE, admit: "control-planes" });
  const recover = () =>
    nodes.recover(endpoint, parameters, { policy, endorse: endorserOf(context), signal: context.signal });
  return (await failureOf(recover, (error) => (error as CliError).code === "unreachable", context)) === undefined;
}

async function failureOf(
  call: () => Promise<unknown>,
  isTemporary: (error: unknown) => boolean,
  context: Context,
): Promise<Error | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isTemporary(error)) throw error;
    context.debug(String(error));
    return error as Error;
  }
}

function unreachable(cause: Error): CliError {
  return new CliError("timeout", `Reach the API server failed: it took longer than ${TIMEOUT_MS / 60_000} minutes`, {
    cause,
    hint: "look at the control planes' consoles under constellation-local, and run `constellation apply` again",
  });
}
