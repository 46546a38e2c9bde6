import type { KeyObject } from "node:crypto";
import type { ClusterState, NodeRecord } from "@constellation/cluster-state";
import type { DiskKey } from "@constellation/keys";
import { admit } from "./admission.ts";
import { parseCertificateRequest } from "./certificate-request.ts";
import type { Cluster } from "./cluster.ts";
import type { ClusterPki, PkiFile } from "./cluster-pki.ts";
import { decideJoin, decideRejoin, type JoinDecision, type JoinRequest } from "./decide.ts";
import type { DiskKeySource } from "./disk-keys.ts";
import { EvidenceError, JoinError } from "./errors.ts";
import { issueKubeletCertificate } from "./node-credentials.ts";
import type { AttestedNode } from "./peer.ts";
import type { SelfRecovery, SelfRecoverySource } from "./self-recovery.ts";

/** What tickets are made from. */
export interface TicketParts {
  readonly cluster: Cluster;
  readonly pki: ClusterPki;
  readonly diskKey: DiskKeySource;
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
  readonly diskKey: DiskKey;
  readonly kubeletCertificatePem: string;
  readonly clusterCaPem: string;
  readonly apiServerEndpoints: readonly string[];
  readonly settings: ClusterState["settings"];
  /** The PKI that control planes share; none for a worker. */
  readonly controlPlaneFiles: readonly PkiFile[];
  /** The way to the cluster's external KMS; none for a worker. */
  readonly selfRecovery: SelfRecovery | undefined;
}

/** What a known node needs after a reboot. */
export interface RejoinTicket {
  readonly record: NodeRecord;
  readonly diskKey: DiskKey;
  readonly clusterId: string;
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
  const diskKey = await parts.diskKey(record.diskUuid, signal);
  const selfRecovery = record.role === "worker" ? undefined : await parts.selfRecovery(signal);
  return { record, diskKey, apiServerEndpoints, settings: state.settings, selfRecovery, ...credentials };
}

/**
 * Gives a known node the key of its own disk again, and nothing else.
 * @throws JoinError
 */
export async function makeRejoinTicket(
  diskUuid: string,
  node: AttestedNode,
  parts: TicketParts,
  signal: AbortSignal,
): Promise<RejoinTicket> {
  const state = await parts.cluster.state(signal);
  const record = decideRejoin(admitNow(node, state, parts), diskUuid);
  return { record, diskKey: await parts.diskKey(record.diskUuid, signal), clusterId: state.settings.clusterId };
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
