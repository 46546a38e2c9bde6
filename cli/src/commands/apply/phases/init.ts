import { equalConstantTime, fromHex, hex } from "@constellation/bytes";
import {
  attestationPolicy,
  type Config,
  FRESH_NODE,
  MASTER_SECRET_FILE,
  type MasterSecretFile,
  type PolicyPurpose,
  recordedNodes,
  type State,
  withState,
} from "@constellation/config";
import { deriveClusterId, MasterSecret } from "@constellation/keys";
import { requireMachinesRunning } from "../../../cluster/crashed.ts";
import { readKeyManagement } from "../../../cluster/key-management.ts";
import { withServer } from "../../../cluster/kubeconfig.ts";
import { PORTS } from "../../../cluster/ports.ts";
import type { Context } from "../../../context.ts";
import { CliError } from "../../../errors.ts";
import type { InitEvent, InitParameters, InitResult } from "../../../ports/cluster.ts";
import { retry } from "../../../retry.ts";
import { CLUSTER_LOG_FILE } from "../../../workspace/workspace.ts";
import { endorserOf } from "../../../cluster/endorser.ts";

const SECRET_LENGTH_BYTES = 32;

/** How long a control plane may be silent. Under emulation a boot takes minutes. */
const SILENCE_TIMEOUT_MS = 20 * 60_000;

/**
 * Turns the first control plane into a cluster. It can be cut off anywhere and run again (T10):
 * master secret and measurement salt are on disk before the node hears of them, so that a second try derives the same
 * cluster ID; the node answers a second try of the same cluster with the same result, and no other.
 */
export async function initPhase(context: Context, config: Config, before: State): Promise<State> {
  const keyManagement = await readKeyManagement(context, config);
  const isNew = before.clusterValues.clusterID === "";
  const secret = await ensureMasterSecret(context, { isNew, isTemporary: keyManagement !== undefined });
  const state = await ensureMeasurementSalt(context, before);
  const measurementSalt = fromHex(state.clusterValues.measurementSalt);
  const clusterId = deriveClusterId(secret.masterSecret, secret.salt, measurementSalt);
  const result = await callInit(
    context,
    state,
    initParameters(config, state, { ...secret, keyManagement }, measurementSalt),
    {
      config,
      members: acceptedMembers(before, clusterId),
    },
  );
  if (!equalConstantTime(result.clusterId, clusterId)) {
    throw new CliError(
      "untrusted",
      `Initialise cluster failed: the node reports cluster ID "${hex(result.clusterId)}", wanted "${hex(clusterId)}"`,
      { hint: "the node does not use this workspace's master secret; end the cluster with `constellation terminate`" },
    );
  }
  // The kubeconfig first: once the state says that the cluster is initialised, it must be there.
  await context.workspace.writeAdminConf(withServer(result.kubeconfig, state.infrastructure.clusterEndpoint));
  const masterSecret =
    keyManagement === undefined ? {} : { masterSecret: before.clusterValues.masterSecret ?? "pending" };
  const next = withState(state, { clusterValues: { clusterID: hex(clusterId), ...masterSecret } });
  await context.workspace.writeState(next);
  return next;
}

/**
 * What a node may show of a cluster to be given the master secret: that it is fresh, or that it is a node which an
 * earlier call of ours has initialised (nobody else can know our cluster ID before). Once the cluster is initialised
 * only the latter.
 */
function acceptedMembers(before: State, clusterId: Uint8Array): PolicyPurpose["members"] {
  return before.clusterValues.clusterID === "" ? [...FRESH_NODE, clusterId] : [clusterId];
}

/** @param isTemporary whether the file is deleted once an external KMS has the root key */
async function ensureMasterSecret(
  context: Context,
  { isNew, isTemporary }: { readonly isNew: boolean; readonly isTemporary: boolean },
): Promise<MasterSecretFile> {
  if (context.workspace.has(MASTER_SECRET_FILE)) {
    const file = await context.workspace.readMasterSecret();
    if (isNew && file.rotated.length > 0) {
      if (isTemporary) throw rotatedElsewhere(context.workspace.show(MASTER_SECRET_FILE));
      context.progress.line(
        `${context.workspace.show(MASTER_SECRET_FILE)} was rotated in an earlier cluster, and a new cluster begins with its first generation: run \`constellation keys rotate\` afterwards, or move the file away for a new one.`,
      );
    }
    return file;
  }
  const file = {
    masterSecret: new MasterSecret(context.dependencies.random(SECRET_LENGTH_BYTES)),
    salt: context.dependencies.random(SECRET_LENGTH_BYTES),
    rotated: [],
  };
  await context.workspace.createMasterSecret(file);
  context.progress.line(
    `Your master secret was written to ${context.workspace.show(MASTER_SECRET_FILE)}. ${isTemporary ? "It is deleted once the KMS has been shown to open it." : "Keep a copy in a safe place."}`,
  );
  return file;
}

/** A root key in a KMS can't be rotated, and this one's first generation may have been rotated because it got out. */
function rotatedElsewhere(file: string): CliError {
  const message = `Initialise cluster failed: ${file} was rotated in an earlier cluster, wanted one with a single generation`;
  return new CliError("refused", message, { hint: "move the file away: a new master secret is made" });
}

async function ensureMeasurementSalt(context: Context, state: State): Promise<State> {
  if (state.clusterValues.measurementSalt !== "") return state;
  const salt = hex(context.dependencies.random(SECRET_LENGTH_BYTES));
  const next = withState(state, { clusterValues: { measurementSalt: salt } });
  await context.workspace.writeState(next);
  return next;
}

function initParameters(
  config: Config,
  state: State,
  secret: MasterSecretFile & Pick<InitParameters, "keyManagement">,
  measurementSalt: Uint8Array,
): InitParameters {
  const { infrastructure } = state;
  const names = [infrastructure.clusterEndpoint, config.customEndpoint, ...infrastructure.apiServerCertSANs];
  return {
    clusterName: config.name,
    masterSecret: secret.masterSecret,
    masterSecretSalt: secret.salt,
    measurementSalt,
    kubernetesVersion: config.kubernetesVersion,
    serviceCidr: config.serviceCIDR,
    apiServerCertSans: [...new Set(names.filter((name) => name !== ""))],
    nodes: recordedNodes(state),
    policy: attestationPolicy(config, state, { members: FRESH_NODE, admit: "all" }),
    registryMirrors: config.registryMirrors,
    keyManagement: secret.keyManagement,
    timingProfile: infrastructure.qemu?.accel === "tcg" ? "patient" : "default",
  };
}

async function callInit(
  context: Context,
  state: State,
  parameters: InitParameters,
  trust: { config: Config; members: PolicyPurpose["members"] },
): Promise<InitResult> {
  const nodes = await context.dependencies.nodes();
  const policy = attestationPolicy(trust.config, state, { members: trust.members, admit: "control-planes" });
  const endorse = endorserOf(context);
  const endpoint = { host: state.infrastructure.clusterEndpoint, port: PORTS.init };
  const events = new InitEvents(context);
  const waiting = "Wait for the first control plane";
  const result = await context.progress
    .step(waiting, async (step) =>
      retry(
        async (signal) => {
          try {
            return await nodes.init(endpoint, parameters, {
              policy,
              endorse,
              signal,
              onEvent: (event) => events.take(event),
            });
          } catch (error) {
            if (isUnreachable(error)) await requireMachinesRunning(context, state);
            throw error;
          }
        },
        {
          clock: context.clock,
          waitingFor: `the first control plane at ${endpoint.host}:${endpoint.port}`,
          timeoutMs: SILENCE_TIMEOUT_MS,
          lastSignMs: () => events.lastSignMs,
          isTemporary: isUnreachable,
          onRetry: (error) => {
            if (events.lastSignMs === undefined) step.note(error instanceof Error ? error.message : "");
            context.debug(`init attempt failed: ${String(error)}`);
          },
          hint: "look at the node's console under constellation-local, and run `constellation apply` again",
        },
        context.signal,
      ).catch((error: unknown) => {
        throw events.withLogHint(error);
      }),
    )
    .finally(() => events.flushed);
  return result;
}

function isUnreachable(error: unknown): boolean {
  return error instanceof CliError && error.code === "unreachable";
}

/** Shows what the node reports and keeps the logs it sends. */
class InitEvents {
  readonly #context: Context;
  flushed: Promise<void> = Promise.resolve();
  lastSignMs: number | undefined;
  #logged = false;
  #step = "";

  constructor(context: Context) {
    this.#context = context;
  }

  take(event: InitEvent): void {
    this.lastSignMs = this.#context.clock.monotonicMs();
    switch (event.kind) {
      case "accepted":
        this.#begin("Evidence accepted; hand over the master secret");
        break;
      case "progress":
        this.#begin(event.text === "" ? event.step : event.text);
        break;
      case "log":
        this.#logged = true;
        this.flushed = this.flushed.then(() => this.#context.workspace.appendClusterLog(event.data));
        break;
    }
  }

  withLogHint(error: unknown): unknown {
    if (!this.#logged || !(error instanceof CliError)) return error;
    const where = `the node's logs are in ${this.#context.workspace.show(CLUSTER_LOG_FILE)}`;
    const hint = error.hint === undefined ? where : `${where}; ${error.hint}`;
    return new CliError(error.code, error.message, { hint, cause: error.cause });
  }

  #begin(text: string): void {
    if (text === this.#step) return;
    this.#step = text;
    this.#context.progress.begin(text);
  }
}
