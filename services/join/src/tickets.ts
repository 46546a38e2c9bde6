import type { KeyObject } from "node:crypto";
import type { ClusterState, NodeRecord } from "@constellation/cluster-state";
import { type EtcdKey, requireGeneration } from "@constellation/keys";
import { admit } from "./admission.ts";
import { parseCertificateRequest } from "./certificate-request.ts";
import type { Cluster } from "./cluster.ts";
import type { ClusterPki, PkiFile } from "./cluster-pki.ts";
import { decideJoin, decideRejoin, type JoinDecision, type JoinRequest } from "./decide.ts";
import { EvidenceError, JoinError, refusal } from "./errors.ts";
import type { GenerationedDiskKey, KeySource } from "./key-service.ts";
import { issueKubeletCertificate } from "./node-credentials.ts";
import type { AttestedNode } from "./peer.ts";
import { requireGenerationOf, type SelfRecovery, type SelfRecoverySource } from "./self-recovery.ts";

const FIRST = 1;
/** The key service's word for its current generation. */
const CURRENT = 0;

/** What tickets are made from. */
export interface TicketParts {
  readonly cluster: Cluster;
  readonly pki: ClusterPki;
  readonly keys: KeySource;
  readonly selfRecovery: SelfRecoverySource;
  readonly now: () => Date;
}

/** A request to join, as it came. */
export interface JoinTicketRequest extends JoinRequest {
  /** PKCS #10, DER. */
  readonly certificateRequest: Uint8Array;
}

/** Everything a fresh node needs to become a node of the cluster. */
export interface JoinTicket {
  readonly record: NodeRecord;
  readonly diskKey: GenerationedDiskKey;
  readonly kubeletCertificatePem: string;
  readonly clusterCaPem: string;
  readonly apiServerEndpoints: readonly string[];
  readonly settings: ClusterState["settings"];
  /** The PKI that control planes share; none for a worker. */
  readonly controlPlaneFiles: readonly PkiFile[];
  /** The way to the cluster's external KMS; none for a worker. */
  readonly selfRecovery: SelfRecovery | undefined;
  /** Keys for secrets in etcd; none for a worker. */
  readonly etcdKeys: readonly EtcdKey[];
}

/** What a known node needs after a reboot. */
export interface RejoinTicket {
  readonly record: NodeRecord;
  /** Of the generation that the disk's token names. */
  readonly diskKey: GenerationedDiskKey;
  /** Of the current generation, where that is newer. */
  readonly nextDiskKey: GenerationedDiskKey | undefined;
  readonly clusterId: string;
  /** Keys for secrets in etcd; none for a worker. */
  readonly etcdKeys: readonly EtcdKey[];
}

/** A known node's request. */
export interface RejoinRequest {
  readonly diskUuid: string;
  /** What the disk's token names; 0 stands for the first, of nodes that know no others. */
  readonly generation: number;
}

/**
 * Admits a fresh node: judges its evidence by today's cluster state, decides, and only then fetches and makes secrets
 * (T1).
 * @throws JoinError
 */
export async function makeJoinTicket(
  request: JoinTicketRequest,
  node: AttestedNode,
  remoteAddress: string,
  parts: TicketParts,
  signal: AbortSignal,
): Promise<JoinTicket> {
  const state = await parts.cluster.state(signal);
  const decision = decideJoin(admitNow(node, state, parts), request, remoteAddress);
  const publicKey = parseCertificateRequest(request.certificateRequest);
  const apiServerEndpoints = await parts.cluster.apiServerEndpoints(signal);
  const credentials = await makeCredentials(decision, publicKey, parts, signal);
  const { record } = decision;
  const diskKey = await parts.keys.diskKey(record.diskUuid, CURRENT, signal);
  const etcdKeys = await etcdKeysOf(record, parts, signal);
  const selfRecovery = record.role === "control-plane" ? await parts.selfRecovery(signal) : undefined;
  requireGenerationOf(selfRecovery, diskKey.generation);
  const keys = { diskKey, etcdKeys, selfRecovery };
  return { record, ...keys, apiServerEndpoints, settings: state.settings, ...credentials };
}

/**
 * Gives a known node the key of its own disk again, the key that it is to change to once the master secret was rotated, a
 * control plane also the keys for secrets in etcd; nothing else.
 * @throws JoinError
 */
export async function makeRejoinTicket(
  request: RejoinRequest,
  node: AttestedNode,
  parts: TicketParts,
  signal: AbortSignal,
): Promise<RejoinTicket> {
  const state = await parts.cluster.state(signal);
  const record = decideRejoin(admitNow(node, state, parts), request.diskUuid);
  const diskKeys = await rejoinDiskKeys(record, requestedGeneration(request), parts, signal);
  const etcdKeys = await etcdKeysOf(record, parts, signal);
  return { record, ...diskKeys, etcdKeys, clusterId: state.settings.clusterId };
}

async function rejoinDiskKeys(
  { diskUuid }: NodeRecord,
  generation: number,
  { keys }: TicketParts,
  signal: AbortSignal,
): Promise<Pick<RejoinTicket, "diskKey" | "nextDiskKey">> {
  const current = await keys.diskKey(diskUuid, CURRENT, signal);
  if (current.generation === generation) return { diskKey: current, nextDiskKey: undefined };
  // A disk that is ahead of this control plane's Secret is asked for all the same: that fails until the Secret is there.
  const diskKey = await keys.diskKey(diskUuid, generation, signal);
  return { diskKey, nextDiskKey: current.generation > generation ? current : undefined };
}

/** What is a control plane's by its record (T5). */
async function etcdKeysOf(
  { role }: NodeRecord,
  { keys }: TicketParts,
  signal: AbortSignal,
): Promise<readonly EtcdKey[]> {
  return role === "control-plane" ? await keys.etcdKeys(signal) : [];
}

function requestedGeneration({ generation }: RejoinRequest): number {
  try {
    return requireGeneration(generation === 0 ? FIRST : generation);
  } catch {
    throw refusal("generation_invalid", "generation", String(generation), "the number of a generation");
  }
}

/** The connection was accepted by the state of its time; the ticket is made by that of now. */
function admitNow(node: AttestedNode, state: ClusterState, { now }: TicketParts): NodeRecord {
  try {
    return admit(node, state, now());
  } catch (cause) {
    if (!(cause instanceof EvidenceError)) throw cause;
    const { details } = cause;
    throw new JoinError("evidence_refused", "Issue ticket failed: the evidence is no longer accepted", {
      cause,
      details,
    });
  }
}

async function makeCredentials(
  { record, addresses }: JoinDecision,
  publicKey: KeyObject,
  { pki, now }: TicketParts,
  signal: AbortSignal,
): Promise<Pick<JoinTicket, "kubeletCertificatePem" | "clusterCaPem" | "controlPlaneFiles">> {
  const authority = await pki.authority(signal);
  const kubeletCertificatePem = await issueKubeletCertificate(authority, record.name, addresses, publicKey, now());
  const clusterCaPem = authority.certificatePem;
  const controlPlaneFiles = record.role === "worker" ? [] : await pki.controlPlaneFiles(signal);
  return { kubeletCertificatePem, clusterCaPem, controlPlaneFiles };
}
