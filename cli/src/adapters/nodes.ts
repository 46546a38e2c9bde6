import { ANONYMOUS, type Appraiser, AtlsError, connectAtls } from "@constellation/atls";
import { appraise, AttestationError, requireAccepted, serializePolicy } from "@constellation/attestation";
import { fromHex } from "@constellation/bytes";
import {
  createAtlsClient,
  createTcpClient,
  fromConnectError,
  type InitRequest,
  InitRequestSchema,
  type InitResponse,
  InitService,
  type KeyManagementSchema,
  NodeRole,
  RecoverService,
  type RpcClient,
  VerifyService,
} from "@constellation/rpc";
import { create, type DescService, type MessageInitShape } from "@bufbuild/protobuf";
import type { ClusterKeyManagement } from "@constellation/kms/root";
import { CliError } from "../errors.ts";
import { hintOf } from "@constellation/kms/root";
import type { AttestedCall, Endpoint, InitEvent, InitParameters, InitResult, NodePort } from "../ports/cluster.ts";

const HANDSHAKE_TIMEOUT_MS = 60_000;
const INIT_TIMEOUT_MS = 60 * 60_000;
const CALL_TIMEOUT_MS = 60_000;

/** Nodes, reached over attested TLS (init, recover) and plain gRPC (evidence). */
export function attestedNodes(now: () => Date): NodePort {
  return {
    init: (endpoint, parameters, call) => init(endpoint, parameters, { ...call, now }),
    recover: (endpoint, parameters, call) => recover(endpoint, parameters, { ...call, now }),
    evidence,
  };
}

type DatedCall = AttestedCall & { readonly now: () => Date };

function init(
  endpoint: Endpoint,
  parameters: InitParameters,
  call: DatedCall & Parameters<NodePort["init"]>[2],
): Promise<InitResult> {
  return overAttestedTls("Initialise cluster", InitService, "init", endpoint, call, async ({ client }) => {
    call.onEvent({ kind: "accepted" });
    const stop = new AbortController();
    const bounds = AbortSignal.any([call.signal, stop.signal, AbortSignal.timeout(INIT_TIMEOUT_MS)]);
    try {
      return await initResult(client.init(initRequest(parameters), { signal: bounds }), call.onEvent);
    } finally {
      // A stream that is left early lives on until it is told to end.
      stop.abort();
    }
  });
}

async function initResult(
  responses: AsyncIterable<InitResponse>,
  onEvent: (event: InitEvent) => void,
): Promise<InitResult> {
  for await (const { event } of responses) {
    switch (event.case) {
      case "progress":
        onEvent({ kind: "progress", step: event.value.step, text: event.value.text });
        break;
      case "log":
        onEvent({ kind: "log", data: event.value.data });
        break;
      case "success":
        return { kubeconfig: new TextDecoder().decode(event.value.kubeconfig), clusterId: event.value.clusterId };
      case "failure":
        throw initFailure(event.value.code, event.value.message);
    }
  }
  throw new CliError("unreachable", "Initialise cluster failed: the node ended the stream without a result");
}

async function recover(
  endpoint: Endpoint,
  parameters: Parameters<NodePort["recover"]>[1],
  call: DatedCall,
): Promise<void> {
  await overAttestedTls("Recover node", RecoverService, "recover", endpoint, call, async ({ client }) => {
    await client.recover(
      {
        masterSecret: parameters.masterSecret.reveal(),
        masterSecretSalt: parameters.masterSecretSalt,
        measurementSalt: parameters.measurementSalt,
        rotated: parameters.rotated.map(({ generation, master, salt }) => ({
          generation,
          masterSecret: master.reveal(),
          salt,
        })),
      },
      { signal: call.signal, timeoutMs: CALL_TIMEOUT_MS },
    );
  });
}

async function evidence(endpoint: Endpoint, nonce: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  const { client, close } = createTcpClient(VerifyService, { ...endpoint, timeoutMs: CALL_TIMEOUT_MS });
  try {
    return (await client.getEvidence({ nonce }, { signal })).evidence;
  } catch (error) {
    signal.throwIfAborted();
    throw rpcFailure("Get evidence", endpoint, error);
  } finally {
    await close();
  }
}

async function overAttestedTls<Service extends DescService, Result>(
  operation: string,
  service: Service,
  purpose: "init" | "recover",
  endpoint: Endpoint,
  { policy, endorse, signal, now }: DatedCall,
  work: (rpc: RpcClient<Service>) => Promise<Result>,
): Promise<Result> {
  const options = { ...endpoint, purpose, attester: ANONYMOUS, timeoutMs: HANDSHAKE_TIMEOUT_MS } as const;
  let rpc: RpcClient<Service> | undefined;
  try {
    const { socket } = await connectAtls({ ...options, appraiser: policyAppraiser({ policy, endorse, now }) }, signal);
    rpc = createAtlsClient(service, { socket });
    return await work(rpc);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CliError) throw error;
    throw error instanceof AtlsError ? atlsFailure(operation, endpoint, error) : rpcFailure(operation, endpoint, error);
  } finally {
    await rpc?.close();
  }
}

function policyAppraiser({ policy, endorse, now }: Pick<DatedCall, "policy" | "endorse" | "now">): Appraiser<true> {
  return {
    async appraise(evidence, reportData, signal) {
      const endorsed = policy.variant === "qemu-vtpm" ? evidence : await endorse(evidence, signal);
      requireAccepted(appraise(endorsed, policy, { reportData, now: now() }));
      return true;
    },
  };
}

/** Errors of attested TLS that pass when the node has come up, or that a broken connection leads to. */
const TEMPORARY = new Set(["connect-failed", "tls-failed", "closed", "timeout", "too-many-pending", "issue-failed"]);

function atlsFailure(operation: string, { host, port }: Endpoint, error: AtlsError): CliError {
  const at = `${host}:${port}`;
  if (error.code === "evidence-refused") {
    const refusal = error.cause instanceof AttestationError ? error.cause : error;
    return new CliError("untrusted", `${operation} failed: the evidence of ${at} was refused: ${refusal.message}`, {
      hint: "nothing secret was sent; the node is not what the configuration expects (see measurements, image and node records)",
      cause: error,
    });
  }
  // A peer that refuses because of its own trouble may be asked again; one that refuses us may not.
  const temporary = TEMPORARY.has(error.code) || (error.code === "peer-refused" && TEMPORARY.has(error.peerCode ?? ""));
  return new CliError(temporary ? "unreachable" : "untrusted", `${operation} failed: no attested connection to ${at}`, {
    cause: error,
  });
}

function rpcFailure(operation: string, { host, port }: Endpoint, error: unknown): CliError {
  const failure = fromConnectError(error);
  const broken = ["unavailable", "canceled", "aborted", "deadline-exceeded", "unknown", "internal"];
  // A coded error is the node's answer; one without code is a connection that broke. A node that is busy (with an
  // earlier call of ours, perhaps) says so itself, and can be asked again.
  const isBusy = failure.code === "unavailable";
  const temporary = isBusy || (failure.remoteCode === undefined && broken.includes(failure.code));
  return new CliError(
    temporary ? "unreachable" : "refused",
    `${operation} failed at ${host}:${port}: ${failure.message}`,
    {
      cause: error,
    },
  );
}

function initFailure(code: string, message: string): CliError {
  const hint = hintOf(code);
  return new CliError("init-failed", `Initialise cluster failed: the node reports "${code}": ${message}`, {
    hint:
      hint !== undefined
        ? `${hint}; the node is still fresh: run \`constellation apply\` again`
        : "run `constellation apply` again; if it fails again, `constellation terminate` and begin anew",
  });
}

function initRequest(parameters: InitParameters): InitRequest {
  return create(InitRequestSchema, {
    clusterName: parameters.clusterName,
    masterSecret: parameters.masterSecret.reveal(),
    masterSecretSalt: parameters.masterSecretSalt,
    measurementSalt: parameters.measurementSalt,
    kubernetesVersion: parameters.kubernetesVersion,
    serviceCidr: parameters.serviceCidr,
    apiServerCertSans: [...parameters.apiServerCertSans],
    nodes: parameters.nodes.map((node) => ({
      name: node.name,
      role: node.role === "control-plane" ? NodeRole.CONTROL_PLANE : NodeRole.WORKER,
      ekDigest: fromHex(node.ekDigest),
      diskUuid: node.diskUUID,
    })),
    attestationPolicy: serializePolicy(parameters.policy),
    registryMirrors: Object.entries(parameters.registryMirrors).map(([registry, endpoints]) => ({
      registry,
      endpoints: [...endpoints],
    })),
    timingProfile: parameters.timingProfile,
    ...(parameters.keyManagement === undefined ? {} : { keyManagement: keyManagementOf(parameters.keyManagement) }),
  });
}

function keyManagementOf({
  kms,
  storage,
  credentials,
}: ClusterKeyManagement): MessageInitShape<typeof KeyManagementSchema> {
  const files = [...credentials].map(([name, secret]) => ({ name, data: secret.reveal() }));
  return { kmsUri: kms, storageUri: storage, credentials: files };
}
