import { equalConstantTime, hex } from "@constellation/bytes";
import {
  CONTROL_PLANE_FILES,
  type NodeRole as RecordedRole,
  type RegistryMirror,
  TIMING_PROFILES,
  type TimingProfile,
} from "@constellation/cluster-state";
import {
  DiskKey,
  type EtcdKey,
  EtcdSecretsKey,
  isGeneration,
  KeysError,
  MAX_GENERATION,
  requireGeneration,
} from "@constellation/keys";
import {
  type EtcdSecretsKey as EtcdSecretsKeyMessage,
  type File,
  type IssueJoinTicketResponse,
  type IssueRejoinTicketResponse,
  NodeRole,
} from "@constellation/rpc";
import type { KeyChange } from "../disk/state-disk.ts";
import { NodeError } from "../errors.ts";
import { PATHS } from "../options.ts";
import { type RecoveryRecord, takeRecoveryRecord, wipeCredentials } from "../recovery/record.ts";

/** A checked join ticket. */
export interface JoinTicket {
  name: string;
  role: RecordedRole;
  diskKey: DiskKey;
  /** Generation of the master secret that the disk key is from. */
  diskKeyGeneration: number;
  clusterId: Uint8Array;
  kubeletCertificatePem: string;
  clusterCaPem: string;
  apiServerEndpoints: string[];
  files: { path: string; data: Uint8Array; mode: number }[];
  registryMirrors: RegistryMirror[];
  serviceCidr: string;
  timingProfile: TimingProfile;
  /** The way to the cluster's external KMS: control planes only, and only where there is one. */
  recovery: RecoveryRecord | undefined;
  /** Keys for secrets in etcd; none for a worker. */
  etcdKeys: EtcdKey[];
}

const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const ENDPOINT = /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}:[0-9]{1,5}$/;
const CIDR = /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}\/[0-9]{1,2}$/;

/**
 * Checks the ticket of a machine that asked to join as `asked`. It comes from an attested peer, but the evidence says
 * nothing about that peer's role or about what was run on it since its boot. So no ticket makes more of this machine
 * than it asked for, or puts files where they could be run (T5, T9).
 * @throws NodeError `ticket`
 */
export function parseJoinTicket(response: IssueJoinTicketResponse, asked: RecordedRole): JoinTicket {
  return {
    name: matching("node_name", response.nodeName, DNS_LABEL),
    role: parseRole(response.role, asked),
    diskKey: parseDiskKey("state_disk_key", response.stateDiskKey),
    diskKeyGeneration: parseGeneration("state_disk_key_generation", response.stateDiskKeyGeneration),
    clusterId: response.clusterId,
    kubeletCertificatePem: pemText("kubelet_certificate", response.kubeletCertificate),
    clusterCaPem: pemText("cluster_ca_certificate", response.clusterCaCertificate),
    apiServerEndpoints: response.apiServerEndpoints.map((text) => matching("api_server_endpoints", text, ENDPOINT)),
    files: parseFiles(response.controlPlaneFiles, asked),
    registryMirrors: response.registryMirrors.map(({ registry, endpoints }) => ({ registry, endpoints })),
    serviceCidr: matching("service_cidr", response.serviceCidr, CIDR),
    timingProfile: parseProfile(response.timingProfile),
    etcdKeys: parseEtcdKeys(response.etcdSecretsKeys, asked),
    recovery: parseRecovery(response, asked),
  };
}

/** A checked ticket of a known node. */
export interface RejoinTicket {
  diskKey: DiskKey;
  /** The key to change to, of a newer generation. */
  next?: KeyChange;
  /** Keys for secrets in etcd; none for a worker. */
  etcdKeys: EtcdKey[];
  clusterId: Uint8Array;
}

/**
 * Checks the ticket of a known node, whose disk's key is of a generation and which asked as `asked`. There is no way back
 * to an older generation.
 * @throws NodeError `ticket`
 */
export function parseRejoinTicket(
  response: IssueRejoinTicketResponse,
  generation: number,
  asked: RecordedRole,
): RejoinTicket {
  const diskKey = parseDiskKey("state_disk_key", response.stateDiskKey);
  const next = parseKeyChange(response, generation);
  const etcdKeys = parseEtcdKeys(response.etcdSecretsKeys, asked);
  return { diskKey, ...(next && { next }), etcdKeys, clusterId: response.clusterId };
}

function parseKeyChange(
  { nextStateDiskKey, nextGeneration }: IssueRejoinTicketResponse,
  generation: number,
): KeyChange | undefined {
  if (nextGeneration === 0 && nextStateDiskKey.length === 0) return undefined;
  if (nextGeneration <= generation) {
    nextStateDiskKey.fill(0);
    throw invalid("next_generation", nextGeneration, `more than ${generation}`);
  }
  const key = parseDiskKey("next_state_disk_key", nextStateDiskKey);
  return { key, generation: parseGeneration("next_generation", nextGeneration) };
}

function parseGeneration(field: string, value: number): number {
  // Join services from before there were generations name none.
  if (value === 0) return 1;
  if (isGeneration(value)) return value;
  throw invalid(field, value, `1 to ${MAX_GENERATION}`);
}

function parseDiskKey(field: string, bytes: Uint8Array): DiskKey {
  try {
    return new DiskKey(bytes);
  } catch (cause) {
    throw new NodeError("ticket", `Check join ticket failed: ${field} has the wrong length`, { cause });
  } finally {
    bytes.fill(0);
  }
}

/**
 * The keys for secrets in etcd from a ticket: of each generation one, none for a worker.
 * @throws NodeError `ticket`
 */
function parseEtcdKeys(keys: readonly EtcdSecretsKeyMessage[], asked: RecordedRole): EtcdKey[] {
  try {
    const wanted = asked === "control-plane" ? "one for each generation" : "none for a worker";
    const generations = new Set(keys.map(({ generation }) => generation));
    if (generations.size !== keys.length || keys.length > 0 !== (asked === "control-plane")) {
      throw invalid("etcd_secrets_keys", `${keys.length} keys of ${generations.size} generations`, wanted);
    }
    return keys.map(({ generation, key }) => ({
      generation: requireGeneration(generation),
      key: new EtcdSecretsKey(key),
    }));
  } catch (cause) {
    if (!(cause instanceof KeysError)) throw cause;
    throw new NodeError("ticket", `Check join ticket failed: etcd_secrets_keys: ${cause.message}`, { cause });
  } finally {
    for (const { key } of keys) key.fill(0);
  }
}

function parseRole(role: NodeRole, asked: RecordedRole): RecordedRole {
  const wanted = asked === "control-plane" ? NodeRole.CONTROL_PLANE : NodeRole.WORKER;
  if (role === wanted) return asked;
  throw invalid("role", role, `${wanted} (${asked})`);
}

/** None for a worker: it could open every disk of the cluster. What a control plane gets must open its own disk. */
function parseRecovery(response: IssueJoinTicketResponse, asked: RecordedRole): RecoveryRecord | undefined {
  if (response.selfRecovery === undefined) return undefined;
  const record = takeRecoveryRecord(response.selfRecovery);
  try {
    requireOwnRecovery(record, response, asked);
    return record;
  } catch (error) {
    wipeCredentials(record.keyManagement);
    throw error;
  }
}

function requireOwnRecovery(
  record: RecoveryRecord,
  { clusterId, stateDiskKeyGeneration }: IssueJoinTicketResponse,
  asked: RecordedRole,
): void {
  if (asked !== "control-plane") throw invalid("self_recovery", "there", "nothing for a worker");
  if (!equalConstantTime(record.clusterId, clusterId)) {
    throw invalid("self_recovery.cluster_id", hex(record.clusterId), hex(clusterId));
  }
  const wanted = parseGeneration("state_disk_key_generation", stateDiskKeyGeneration);
  const generations = record.roots.map(({ generation }) => generation);
  if (!generations.includes(wanted)) {
    throw invalid("self_recovery.roots", `generations ${generations.join(", ")}`, `${wanted}, the disk's, among them`);
  }
}

function parseProfile(text: string): TimingProfile {
  const profile = TIMING_PROFILES.find((name) => name === text);
  if (profile === undefined) throw invalid("timing_profile", text, TIMING_PROFILES.join(" or "));
  return profile;
}

function pemText(field: string, bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("latin1");
  if (text.startsWith("-----BEGIN CERTIFICATE-----")) return text;
  throw invalid(field, `${bytes.length} bytes`, "a PEM certificate");
}

/** Exactly the files that control planes share, each once; none for a worker. */
function parseFiles(files: readonly File[], asked: RecordedRole): JoinTicket["files"] {
  const shared = asked === "control-plane" ? CONTROL_PLANE_FILES : [];
  const left = new Map(shared.map(({ path, mode }) => [`${PATHS.pki}/${path}`, mode]));
  const parsed = files.map(({ path, data, mode }) => {
    const wanted = left.get(path);
    if (wanted === undefined) throw invalid("control_plane_files.path", path, wantedFiles(left));
    if (mode !== wanted) throw invalid("control_plane_files.mode", mode.toString(8), wanted.toString(8));
    left.delete(path);
    return { path, data, mode };
  });
  if (left.size > 0) throw invalid("control_plane_files", `${files.length} files`, wantedFiles(left));
  return parsed;
}

function wantedFiles(left: ReadonlyMap<string, number>): string {
  return left.size === 0 ? "no further file" : `each of "${[...left.keys()].join(", ")}" once`;
}

function matching(field: string, value: string, pattern: RegExp): string {
  if (pattern.test(value)) return value;
  throw invalid(field, value, String(pattern));
}

function invalid(field: string, got: string | number, wanted: string): NodeError {
  return new NodeError("ticket", `Check join ticket failed: ${field} is "${got}", wanted ${wanted}`);
}
