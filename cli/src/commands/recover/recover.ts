import { fromHex } from "@constellation/bytes";
import { attestationPolicy, FRESH_NODE, MASTER_SECRET_FILE, recordedNodes, stateMode } from "@constellation/config";
import { parseEndpoint } from "../../cluster/endpoint.ts";
import { PORTS } from "../../cluster/ports.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import type { KubernetesPort } from "../../ports/cluster.ts";
import { retry } from "../../retry.ts";
import { ADMIN_CONF_FILE } from "../../workspace/workspace.ts";
import { endorserOf } from "../../cluster/endorser.ts";

/** How long each control plane that waits may need to answer: it boots first. */
const TIMEOUT_MS = 5 * 60_000;

/** What `recover` did. */
export interface RecoverResult {
  /** Control planes that got the secret. */
  readonly recovered: number;
  /** Control planes that may have waited for it: those on record, or the one that was named. */
  readonly controlPlanes: number;
  /** Why it ended: all were served; the API server is ready, so that the others rejoin; nobody (else) asked in time. */
  readonly end: "all-served" | "api-server-ready" | "nobody-asked";
}

/**
 * Gives the master secret to each control plane that waits for it. What lets the others rejoin by themselves, the join
 * service, is a pod, and pods need an API server with a majority of etcd: one recovered control plane of several is not
 * enough. So it goes on until every recorded one was served, or the API server is ready.
 *
 * @throws CliError `untrusted` if evidence is refused, `workspace` if the cluster was never initialised
 */
export async function recover(context: Context, options: { readonly endpoint?: string }): Promise<RecoverResult> {
  const { workspace, dependencies, io } = context;
  const config = await workspace.readConfig();
  const state = await workspace.readState();
  if (stateMode(state) !== "post-init") {
    throw new CliError("workspace", "Recover cluster failed: the cluster was never initialised", {
      hint: "run `constellation apply`",
    });
  }
  if (state.clusterValues.masterSecret === "deleted" && !workspace.has(MASTER_SECRET_FILE)) {
    throw new CliError(
      "workspace",
      "Recover cluster failed: the master secret was deleted, as the KMS has the root key",
      {
        hint: "control planes recover by the KMS themselves: their consoles under constellation-local say what they wait for",
      },
    );
  }
  const secret = await workspace.readMasterSecret();
  const endpoint = parseEndpoint(options.endpoint ?? state.infrastructure.clusterEndpoint, PORTS.recover);
  const parameters = {
    masterSecret: secret.masterSecret,
    masterSecretSalt: secret.salt,
    measurementSalt: fromHex(state.clusterValues.measurementSalt),
    rotated: secret.rotated,
  };
  // A control plane that waits for recovery has booted anew: the cluster ID is not in PCR 15 yet.
  const policy = attestationPolicy(config, state, { members: FRESH_NODE, admit: "control-planes" });
  const endorse = endorserOf(context);
  const nodes = await dependencies.nodes();
  const kubernetes = workspace.has(ADMIN_CONF_FILE)
    ? await dependencies.kubernetes(await workspace.readAdminConf())
    : undefined;
  const recorded = recordedNodes(state).filter((node) => node.role === "control-plane").length;
  const most = options.endpoint === undefined ? recorded : 1;
  let recovered = 0;
  let outcome: "recovered" | "api-server-ready" | "nobody-asked" = "recovered";
  while (recovered < most && (outcome = await pushOnce()) === "recovered") {
    recovered++;
    io.err("Pushed recovery key.\n");
  }
  if (recovered === 0) {
    io.err("No control-plane nodes in need of recovery found. Exiting.\n");
    return { recovered, controlPlanes: most, end: "nobody-asked" };
  }
  io.err(`Recovered ${recovered} control-plane node${recovered === 1 ? "" : "s"}.\n`);
  if (outcome === "nobody-asked") {
    io.err(
      `Warning: no other of ${most} control planes has asked within ${TIMEOUT_MS / 60_000} minutes, and the API server is not ready: see \`constellation status\`, and run \`constellation recover\` again\n`,
    );
  }
  return { recovered, controlPlanes: most, end: outcome === "recovered" ? "all-served" : outcome };

  async function pushOnce(): Promise<typeof outcome> {
    try {
      return await context.progress.step(`Wait for a control plane at ${endpoint.host}:${endpoint.port}`, () =>
        retry(
          attempt,
          {
            clock: context.clock,
            waitingFor: `a control plane at ${endpoint.host}:${endpoint.port}`,
            timeoutMs: TIMEOUT_MS,
            isTemporary: isUnreachable,
          },
          context.signal,
        ),
      );
    } catch (error) {
      if (error instanceof CliError && error.code === "timeout") return "nobody-asked";
      throw error;
    }
  }

  async function attempt(signal: AbortSignal): Promise<typeof outcome> {
    try {
      await nodes.recover(endpoint, parameters, { policy, endorse, signal });
      return "recovered";
    } catch (error) {
      // Whoever calls `recover` while the API server is ready does so for a control plane that waits all the same.
      if (recovered > 0 && isUnreachable(error) && (await isReady(context, kubernetes))) return "api-server-ready";
      throw error;
    }
  }
}

/** Whether the API server can be asked, and is ready. */
async function isReady(context: Context, kubernetes: KubernetesPort | undefined): Promise<boolean> {
  if (kubernetes === undefined) return false;
  try {
    await kubernetes.requireReady(context.signal);
    return true;
  } catch (error) {
    context.signal.throwIfAborted();
    context.debug(`API server: ${String(error)}`);
    return false;
  }
}

function isUnreachable(error: unknown): boolean {
  return error instanceof CliError && error.code === "unreachable";
}
