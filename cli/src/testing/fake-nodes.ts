import {
  type Claims,
  clusterIdPcr,
  type Policy,
  type QemuVtpmPolicy,
  serializePolicy,
} from "@constellation/attestation";
import { about, type Check, pcrAspect, verdictOf } from "@constellation/verdict";
import { hex } from "@constellation/bytes";
import { serializeClusterState } from "@constellation/cluster-state";
import { deriveClusterId } from "@constellation/keys";
import { CliError } from "../errors.ts";
import type {
  AppraiserPort,
  AttestedCall,
  Endpoint,
  InitEvent,
  InitParameters,
  InitResult,
  NodePort,
} from "../ports/cluster.ts";
import type { FakeKubernetes } from "./fake-kubernetes.ts";

type InitCall = AttestedCall & { readonly onEvent: (event: InitEvent) => void };

/** Control planes that keep to the agent's rules: they become one cluster, and say so again to who asks for the same. */
export class FakeNodes implements NodePort {
  readonly #kubernetes: FakeKubernetes;
  readonly inits: { parameters: InitParameters; policy: Policy; endpoint: Endpoint }[] = [];
  readonly recoveries: { endpoint: Endpoint; policy: Policy }[] = [];
  /** Cluster ID of the node once it is initialised. */
  clusterId: Uint8Array | undefined;
  /** What a node answers that is asked for evidence. */
  evidenceBytes: Uint8Array = new TextEncoder().encode("evidence");
  /** How many control planes wait for recovery. */
  waiting = 0;
  /** Called at each init before the node changes; may throw. */
  beforeInit: (call: InitCall, attempt: number) => void = () => {};
  /** Called after the node has changed, before it answers; may throw. */
  afterInit: (call: InitCall, attempt: number) => void = () => {};
  /** Called at each recovery before a node answers. */
  beforeRecover: () => void = () => {};
  /** What the appraisal finds instead. */
  checks: readonly Check[] | undefined;
  claims: Claims = {};
  #attempts = 0;

  constructor(kubernetes: FakeKubernetes) {
    this.#kubernetes = kubernetes;
  }

  async init(endpoint: Endpoint, parameters: InitParameters, call: InitCall): Promise<InitResult> {
    call.signal.throwIfAborted();
    const attempt = ++this.#attempts;
    this.beforeInit(call, attempt);
    call.signal.throwIfAborted();
    if (call.policy.variant === "qemu-vtpm") requireMember(call.policy, this.clusterId);
    call.onEvent({ kind: "accepted" });
    call.onEvent({ kind: "progress", step: "kubeadm", text: "Start control plane" });
    this.inits.push({ endpoint, parameters, policy: call.policy });
    const { masterSecret, masterSecretSalt, measurementSalt } = parameters;
    this.clusterId = deriveClusterId(masterSecret, masterSecretSalt, measurementSalt);
    if (parameters.keyManagement !== undefined) this.#kubernetes.rootKeyNames = ["mastersecret.wrapped", "salt"];
    this.#kubernetes.configMap ??= configMapOf(parameters, this.clusterId);
    this.#kubernetes.setNodes(
      parameters.nodes.map((node) => node.name),
      true,
    );
    this.afterInit(call, attempt);
    return { kubeconfig: KUBECONFIG, clusterId: this.clusterId };
  }

  async recover(endpoint: Endpoint, _parameters: unknown, { policy }: AttestedCall): Promise<void> {
    this.beforeRecover();
    if (this.waiting === 0) throw new CliError("unreachable", "Recover node failed: nobody answers");
    this.waiting--;
    this.recoveries.push({ endpoint, policy });
  }

  async evidence(): Promise<Uint8Array> {
    if (this.clusterId === undefined) throw new CliError("unreachable", "Get evidence failed: nobody answers");
    return this.evidenceBytes;
  }

  readonly appraiser: AppraiserPort = {
    appraise: (_evidence, policy) => {
      const checks = this.checks ?? checksBy(policy);
      const claims = { ekDigest: "a".repeat(64), chain: ["CN=ak", "CN=tpm ca"], ...this.claims };
      return { variant: "qemu-vtpm", trust: ["the fake computer"], ...verdictOf(checks, claims) };
    },
  };
}

/** The policy of a cluster on local machines, which those of most tests are. */
export function qemuPolicy(policy: Policy | undefined): QemuVtpmPolicy {
  if (policy?.variant === "qemu-vtpm") return policy;
  throw new Error(`got a policy for ${policy?.variant ?? "nothing"}, wanted one for qemu-vtpm`);
}

function requireMember({ pcrs }: QemuVtpmPolicy, clusterId: Uint8Array | undefined): void {
  const rule = pcrs["15"];
  const own = clusterId === undefined ? "0".repeat(64) : clusterIdPcr(clusterId);
  if (rule.kind === "equal" && rule.anyOf.includes(own)) return;
  throw new CliError("untrusted", `Initialise cluster failed: pcr[15]: got ${own}`);
}

/** Checks that pass where the policy wants a value, as evidence of a good node has them. */
function checksBy(policy: Policy): Check[] {
  const { pcrs } = qemuPolicy(policy);
  const registers = Object.entries(pcrs).map(([index, rule]): Check => {
    const { open, pass } = about(pcrAspect(Number(index), undefined));
    if (rule.kind !== "equal") return open(`pcr[${index}]`, rule.reason, { got: "7".repeat(64) });
    const value = rule.anyOf.join(" or ");
    return pass(`pcr[${index}]`, { got: value, wanted: value });
  });
  return [about("hardware.evidence").pass("quote.signature"), ...registers];
}

/** A kubeconfig as the node sends it. */
const KUBECONFIG = `apiVersion: v1
kind: Config
clusters:
  - name: mini
    cluster:
      server: https://10.42.0.10:6443
users: []
`;

function configMapOf(parameters: InitParameters, clusterId: Uint8Array): Record<string, string> {
  return serializeClusterState({
    policyJson: serializePolicy(parameters.policy),
    nodes: parameters.nodes.map(({ name, role, ekDigest, diskUUID }) => ({ name, role, ekDigest, diskUuid: diskUUID })),
    settings: {
      clusterId: hex(clusterId),
      serviceCidr: parameters.serviceCidr,
      timingProfile: parameters.timingProfile,
      registryMirrors: Object.entries(parameters.registryMirrors).map(([registry, endpoints]) => ({
        registry,
        endpoints,
      })),
    },
  });
}
