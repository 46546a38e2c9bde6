import {
  CONTROL_PLANE_FILES,
  type NodeRole as RecordedRole,
  type RegistryMirror,
  TIMING_PROFILES,
  type TimingProfile,
} from "@constellation/cluster-state";
import { equalConstantTime, hex } from "@constellation/bytes";
import { DiskKey } from "@constellation/keys";
import { type File, type IssueJoinTicketResponse, NodeRole } from "@constellation/rpc";
import { NodeError } from "../errors.ts";
import { PATHS } from "../options.ts";
import { type RecoveryRecord, takeRecoveryRecord, wipeCredentials } from "../recovery/record.ts";

/** A checked join ticket. */
export interface JoinTicket {
  name: string;
  role: RecordedRole;
  diskKey: DiskKey;
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
    diskKey: parseDiskKey(response.stateDiskKey),
    clusterId: response.clusterId,
    kubeletCertificatePem: pemText("kubelet_certificate", response.kubeletCertificate),
    clusterCaPem: pemText("cluster_ca_certificate", response.clusterCaCertificate),
    apiServerEndpoints: response.apiServerEndpoints.map((text) => matching("api_server_endpoints", text, ENDPOINT)),
    files: parseFiles(response.controlPlaneFiles, asked),
    registryMirrors: response.registryMirrors.map(({ registry, endpoints }) => ({ registry, endpoints })),
    serviceCidr: matching("service_cidr", response.serviceCidr, CIDR),
    timingProfile: parseProfile(response.timingProfile),
    recovery: parseRecovery(response, asked),
  };
}

/** The key of a state disk from a ticket. @throws NodeError `ticket` */
export function parseDiskKey(bytes: Uint8Array): DiskKey {
  try {
    return new DiskKey(bytes);
  } catch (cause) {
    throw new NodeError("ticket", "Check join ticket failed: state_disk_key has the wrong length", { cause });
  } finally {
    bytes.fill(0);
  }
}

function parseRole(role: NodeRole, asked: RecordedRole): RecordedRole {
  const wanted = asked === "control-plane" ? NodeRole.CONTROL_PLANE : NodeRole.WORKER;
  if (role === wanted) return asked;
  throw invalid("role", role, `${wanted} (${asked})`);
}

/** None for a worker: it could open every disk of the cluster. */
function parseRecovery({ selfRecovery, clusterId }: IssueJoinTicketResponse, asked: RecordedRole) {
  if (selfRecovery === undefined) return undefined;
  const record = takeRecoveryRecord(selfRecovery);
  if (asked !== "control-plane") {
    wipeCredentials(record.keyManagement);
    throw invalid("self_recovery", "there", "nothing for a worker");
  }
  if (equalConstantTime(record.clusterId, clusterId)) return record;
  wipeCredentials(record.keyManagement);
  throw invalid("self_recovery.cluster_id", hex(record.clusterId), hex(clusterId));
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
