import type { Policy, Verdict } from "@constellation/attestation";
import type { NodeRecord } from "@constellation/config";
import type { KeyGeneration, MasterSecret } from "@constellation/keys";
import type { ClusterKeyManagement } from "@constellation/kms/root";
import type { KeyringPort } from "./keyring.ts";

/** Where a node's service is reached. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What the first control plane is told. */
export interface InitParameters {
  readonly clusterName: string;
  readonly masterSecret: MasterSecret;
  readonly masterSecretSalt: Uint8Array;
  readonly measurementSalt: Uint8Array;
  readonly kubernetesVersion: string;
  readonly serviceCidr: string;
  readonly apiServerCertSans: readonly string[];
  readonly nodes: readonly NodeRecord[];
  readonly policy: Policy;
  readonly registryMirrors: Readonly<Record<string, readonly string[]>>;
  readonly timingProfile: "default" | "patient";
  /** The external KMS that wraps the master secret; undefined where the cluster keeps it itself. */
  readonly keyManagement: ClusterKeyManagement | undefined;
}

/** What a control plane is told that waits for its disk's key. */
export interface RecoverParameters
  extends Pick<InitParameters, "masterSecret" | "masterSecretSalt" | "measurementSalt"> {
  /** Generations from the second on. */
  readonly rotated: readonly KeyGeneration[];
}

/** What happens while a node is initialised. */
export type InitEvent =
  | { readonly kind: "accepted" }
  | { readonly kind: "progress"; readonly step: string; readonly text: string }
  | { readonly kind: "log"; readonly data: Uint8Array };

/** What the first control plane answers. */
export interface InitResult {
  readonly kubeconfig: string;
  readonly clusterId: Uint8Array;
}

/** Adds endorsements to evidence that came without; what can't be had stays missing. */
export type Endorser = (evidence: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>;

/** Options of a call to a node over attested TLS. */
export interface AttestedCall {
  /** What the node's evidence must fulfil before anything secret is sent. */
  readonly policy: Policy;
  /** Runs before the evidence is judged, but for variants without endorsements of vendors. */
  readonly endorse: Endorser;
  readonly signal: AbortSignal;
}

/**
 * Calls to nodes before or beside Kubernetes. Each is one attempt. Errors are CliErrors: `unreachable` where nobody
 * answers yet or the connection broke, `untrusted` where the evidence was refused, `init-failed` where the node refuses.
 */
export interface NodePort {
  init(
    endpoint: Endpoint,
    parameters: InitParameters,
    call: AttestedCall & { readonly onEvent: (event: InitEvent) => void },
  ): Promise<InitResult>;
  recover(endpoint: Endpoint, parameters: RecoverParameters, call: AttestedCall): Promise<void>;
  /** Gets evidence that is bound to the nonce, over plain gRPC. */
  evidence(endpoint: Endpoint, nonce: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
}

/** Decides on evidence. */
export interface AppraiserPort {
  appraise(evidence: Uint8Array, policy: Policy, freshness: { nonce: Uint8Array; now: Date }): Verdict;
}

/** A node as Kubernetes sees it. */
export interface KubernetesNode {
  readonly name: string;
  readonly ready: boolean;
  /** Why it is not ready, where Kubernetes says so. */
  readonly reason: string;
  readonly version: string;
  readonly address: string;
}

/** A pod as a drain sees it. */
export interface KubernetesPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Whether it was asked to end before. */
  readonly ending: boolean;
}

/** The few things that commands ask of Kubernetes. */
export interface KubernetesPort extends KeyringPort {
  /** Rejects unless the API server says that it is ready, for which it needs a majority of etcd. */
  requireReady(signal: AbortSignal): Promise<void>;
  nodes(signal: AbortSignal): Promise<readonly KubernetesNode[]>;
  /** Whether a Deployment has a replica that can be used; undefined if there is no such Deployment. */
  isAvailable(namespace: string, deployment: string, signal: AbortSignal): Promise<boolean | undefined>;
  /** How many pods of a DaemonSet are wanted and ready; undefined if there is no such DaemonSet. */
  podsOf(
    namespace: string,
    daemonSet: string,
    signal: AbortSignal,
  ): Promise<{ readonly wanted: number; readonly ready: number } | undefined>;
  /** The names of a Secret's entries; undefined if there is no such Secret. */
  secretKeys(namespace: string, name: string, signal: AbortSignal): Promise<readonly string[] | undefined>;
  /** Says whether new pods may come onto a node; false if there is no such node. */
  setSchedulable(node: string, schedulable: boolean, signal: AbortSignal): Promise<boolean>;
  /** Pods on a node that can be moved: not those of DaemonSets, not those of its kubelet's own, not those that ended. */
  movablePods(node: string, signal: AbortSignal): Promise<readonly KubernetesPod[]>;
  /**
   * Asks a pod to end as its PodDisruptionBudgets allow; one that has gone is fine. Rejects with the server's reason
   * while they do not allow it.
   */
  evictPod(pod: KubernetesPod, signal: AbortSignal): Promise<void>;
  /** Deletes a Node object; one that has gone is fine. */
  deleteNode(node: string, signal: AbortSignal): Promise<void>;
  /** Data of a ConfigMap; undefined if there is none. */
  readConfigMap(
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, string>> | undefined>;
  /** Sets keys of a ConfigMap. */
  updateConfigMap(
    namespace: string,
    name: string,
    data: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<void>;
}
