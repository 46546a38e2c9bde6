import { fromHex } from "@constellation/bytes";
import { attestationPolicy, FRESH_NODE, stateMode } from "@constellation/config";
import { parseEndpoint } from "../../cluster/endpoint.ts";
import { PORTS } from "../../cluster/ports.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { retry } from "../../retry.ts";

/** How long a control plane that waits may need to answer: it boots first. */
const FIRST_TIMEOUT_MS = 5 * 60_000;
/** After one was recovered the others rejoin by themselves; who still asks does so soon. */
const NEXT_TIMEOUT_MS = 30_000;

/**
 * Gives the master secret to each control plane that waits for it.
 *
 * @throws CliError `untrusted` if evidence is refused, `workspace` if the cluster was never initialised
 */
export async function recover(context: Context, options: { readonly endpoint?: string }): Promise<void> {
  const { workspace, dependencies, io } = context;
  const config = await workspace.readConfig();
  const state = await workspace.readState();
  if (stateMode(state) !== "post-init") {
    throw new CliError("workspace", "Recover cluster failed: the cluster was never initialised", {
      hint: "run `constellation apply`",
    });
  }
  const secret = await workspace.readMasterSecret();
  const endpoint = parseEndpoint(options.endpoint ?? state.infrastructure.clusterEndpoint, PORTS.recover);
  const parameters = {
    masterSecret: secret.masterSecret,
    masterSecretSalt: secret.salt,
    measurementSalt: fromHex(state.clusterValues.measurementSalt),
  };
  // A control plane that waits for recovery has booted anew: the cluster ID is not in PCR 15 yet.
  const policy = attestationPolicy(config, state, { clusterPcr: FRESH_NODE, admit: "control-planes" });
  const nodes = await dependencies.nodes();
  const most = (state.infrastructure.qemu?.nodes ?? []).filter((node) => node.role === "control-plane").length;
  let recovered = 0;
  while (recovered < most && (await pushOnce())) recovered++;
  if (recovered === 0) io.err("No control-plane nodes in need of recovery found. Exiting.\n");
  else io.err(`Recovered ${recovered} control-plane node${recovered === 1 ? "" : "s"}.\n`);

  async function pushOnce(): Promise<boolean> {
    try {
      await context.progress.step(`Wait for a control plane at ${endpoint.host}:${endpoint.port}`, () =>
        retry(
          (signal) => nodes.recover(endpoint, parameters, { policy, signal }),
          {
            clock: context.clock,
            waitingFor: `a control plane at ${endpoint.host}:${endpoint.port}`,
            timeoutMs: recovered === 0 ? FIRST_TIMEOUT_MS : NEXT_TIMEOUT_MS,
            isTemporary: (error) => error instanceof CliError && error.code === "unreachable",
          },
          context.signal,
        ),
      );
    } catch (error) {
      if (error instanceof CliError && error.code === "timeout") return false;
      throw error;
    }
    io.err("Pushed recovery key.\n");
    return true;
  }
}
