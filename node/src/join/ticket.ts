import { posix } from "node:path";
import {
  type NodeRole as RecordedRole,
  type RegistryMirror,
  TIMING_PROFILES,
  type TimingProfile,
} from "@constellation/cluster-state";
import { DiskKey } from "@constellation/keys";
import { type IssueJoinTicketResponse, NodeRole } from "@constellation/rpc";
import { NodeError } from "../errors.ts";
import { PATHS } from "../options.ts";

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
}

const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const ENDPOINT = /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}:[0-9]{1,5}$/;
const CIDR = /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}\/[0-9]{1,2}$/;

/**
 * Checks a ticket. It comes from an attested peer, so this is against mistakes, and keeps files where they belong.
 * @throws NodeError `ticket`
 */
export function parseJoinTicket(response: IssueJoinTicketResponse): JoinTicket {
  return {
    name: matching("node_name", response.nodeName, DNS_LABEL),
    role: parseRole(response.role),
    diskKey: parseDiskKey(response.stateDiskKey),
    clusterId: response.clusterId,
    kubeletCertificatePem: pemText("kubelet_certificate", response.kubeletCertificate),
    clusterCaPem: pemText("cluster_ca_certificate", response.clusterCaCertificate),
    apiServerEndpoints: response.apiServerEndpoints.map((text) => matching("api_server_endpoints", text, ENDPOINT)),
    files: response.controlPlaneFiles.map(({ path, data, mode }) => ({
      path: safePath(path),
      data,
      mode: mode & 0o755,
    })),
    registryMirrors: response.registryMirrors.map(({ registry, endpoints }) => ({ registry, endpoints })),
    serviceCidr: matching("service_cidr", response.serviceCidr, CIDR),
    timingProfile: parseProfile(response.timingProfile),
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

function parseRole(role: NodeRole): RecordedRole {
  if (role === NodeRole.CONTROL_PLANE) return "control-plane";
  if (role === NodeRole.WORKER) return "worker";
  throw invalid("role", role, "control plane or worker");
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

function safePath(path: string): string {
  if (posix.normalize(path) === path && path.startsWith(`${PATHS.kubernetes}/`)) return path;
  throw invalid("control_plane_files.path", path, `a path below ${PATHS.kubernetes}`);
}

function matching(field: string, value: string, pattern: RegExp): string {
  if (pattern.test(value)) return value;
  throw invalid(field, value, String(pattern));
}

function invalid(field: string, got: string | number, wanted: string): NodeError {
  return new NodeError("ticket", `Check join ticket failed: ${field} is "${got}", wanted ${wanted}`);
}
