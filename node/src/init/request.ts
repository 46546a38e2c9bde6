import { isIP } from "node:net";
import { AttestationError, parsePolicy, serializePolicy } from "@constellation/attestation";
import { hex } from "@constellation/bytes";
import {
  type ClusterState,
  ClusterStateError,
  type NodeRecord,
  parseClusterState,
  serializeClusterState,
  type TimingProfile,
} from "@constellation/cluster-state";
import { deriveClusterId, KEY_LENGTH_BYTES, MasterSecret } from "@constellation/keys";
import { type InitRequest, NodeRole } from "@constellation/rpc";
import type { ClusterKeyManagement } from "@constellation/kms/root";
import { NodeError } from "../errors.ts";
import { takeKeyManagement, wipeCredentials } from "../recovery/record.ts";

/** A checked Init request, with what follows from it for this node. */
export interface InitInput {
  master: MasterSecret;
  salt: Uint8Array;
  clusterId: Uint8Array;
  measurementSalt: Uint8Array;
  /** The external KMS that wraps the master secret; undefined where the cluster keeps it itself. */
  keyManagement: ClusterKeyManagement | undefined;
  clusterName: string;
  kubernetesVersion: string;
  certSans: string[];
  cluster: ClusterState;
  /** The record of this machine: name and role come from here, not from the machine's own metadata (T5). */
  self: NodeRecord;
}

/** What this machine proves about itself. */
export interface OwnIdentity {
  machineDigest: Uint8Array;
  diskUuid: string;
}

const CLUSTER_NAME = /^[a-z0-9](?:[a-z0-9-]{0,35}[a-z0-9])?$/;
const VERSION = /^v1\.[0-9]{1,3}\.[0-9]{1,3}$/;
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
const MAX_SANS = 64;

/**
 * Checks every field of the request and finds this machine's own record in it. The request's copy of the master secret
 * is overwritten in any case; what comes back has the only one.
 * @throws NodeError `request` naming the field; `refused` when this machine is not on record as a control plane
 */
export function parseInitRequest(request: InitRequest, own: OwnIdentity): InitInput {
  const secrets = takeSecrets(request);
  try {
    return parseWith(secrets, request, own);
  } catch (error) {
    wipeInput(secrets);
    throw error;
  }
}

/** Overwrites the secrets of a request that is not carried out, or was. */
export function wipeInput({ master, keyManagement }: Pick<InitInput, "master" | "keyManagement">): void {
  master.wipe();
  if (keyManagement !== undefined) wipeCredentials(keyManagement);
}

type Secrets = Pick<InitInput, "master" | "keyManagement">;

/** Both are overwritten in the request, whatever is wrong with the other. */
function takeSecrets(request: InitRequest): Secrets {
  try {
    const keyManagement = request.keyManagement && takeKeyManagement(request.keyManagement);
    try {
      return { master: takeMasterSecret(request), keyManagement };
    } catch (error) {
      if (keyManagement !== undefined) wipeCredentials(keyManagement);
      throw error;
    }
  } finally {
    request.masterSecret.fill(0);
  }
}

function takeMasterSecret({ masterSecret }: InitRequest): MasterSecret {
  try {
    requireLength("master_secret", masterSecret);
    return new MasterSecret(masterSecret);
  } finally {
    // The request is not kept by anyone; its copy of the secret need not wait for the collector.
    masterSecret.fill(0);
  }
}

function parseWith({ master, keyManagement }: Secrets, request: InitRequest, own: OwnIdentity): InitInput {
  requireLength("master_secret_salt", request.masterSecretSalt);
  requireLength("measurement_salt", request.measurementSalt);
  const clusterId = deriveClusterId(master, request.masterSecretSalt, request.measurementSalt);
  const cluster = parseCluster(request, clusterId);
  return {
    master,
    salt: request.masterSecretSalt,
    clusterId,
    measurementSalt: request.measurementSalt,
    keyManagement,
    clusterName: matching("cluster_name", request.clusterName, CLUSTER_NAME, "a DNS label of at most 37 characters"),
    kubernetesVersion: matching("kubernetes_version", request.kubernetesVersion, VERSION, "v1.x.y"),
    certSans: parseSans(request.apiServerCertSans),
    cluster,
    self: findSelf(cluster.nodes, own),
  };
}

function parseCluster(request: InitRequest, clusterId: Uint8Array): ClusterState {
  try {
    const state: ClusterState = {
      policyJson: serializePolicy(parsePolicy(request.attestationPolicy)),
      nodes: request.nodes.map((node) => ({
        name: node.name,
        role: roleOf(node.role),
        ekDigest: hex(node.ekDigest),
        diskUuid: node.diskUuid,
      })),
      settings: {
        clusterId: hex(clusterId),
        serviceCidr: request.serviceCidr,
        timingProfile: request.timingProfile as TimingProfile,
        registryMirrors: request.registryMirrors.map(({ registry, endpoints }) => ({ registry, endpoints })),
      },
    };
    return parseClusterState(serializeClusterState(state));
  } catch (cause) {
    if (cause instanceof ClusterStateError || cause instanceof AttestationError) {
      throw new NodeError("request", `Read init request failed: ${cause.message}`, { cause });
    }
    throw cause;
  }
}

function roleOf(role: NodeRole): NodeRecord["role"] {
  if (role === NodeRole.CONTROL_PLANE) return "control-plane";
  if (role === NodeRole.WORKER) return "worker";
  throw invalid("nodes.role", role, "control plane or worker");
}

function findSelf(nodes: readonly NodeRecord[], own: OwnIdentity): NodeRecord {
  const digest = hex(own.machineDigest);
  const record = nodes.find((node) => node.ekDigest === digest);
  if (record === undefined) {
    throw new NodeError("refused", `Initialise node failed: got no record for machine "${digest}", wanted one`);
  }
  if (record.role !== "control-plane" || record.diskUuid !== own.diskUuid) {
    const got = `role "${record.role}" and disk "${record.diskUuid}"`;
    const wanted = `role "control-plane" and disk "${own.diskUuid}"`;
    throw new NodeError("refused", `Initialise node failed: got ${got} on record, wanted ${wanted}`);
  }
  return record;
}

function parseSans(sans: readonly string[]): string[] {
  if (sans.length > MAX_SANS) throw invalid("api_server_cert_sans", `${sans.length} names`, `at most ${MAX_SANS}`);
  for (const san of sans) {
    if (isIP(san) === 0 && !DNS_NAME.test(san))
      throw invalid("api_server_cert_sans", san, "IP addresses and DNS names");
  }
  return [...sans];
}

function matching(field: string, value: string, pattern: RegExp, wanted: string): string {
  if (pattern.test(value)) return value;
  throw invalid(field, value, wanted);
}

function requireLength(field: string, value: Uint8Array): void {
  // The value itself may be a secret: only its length is named.
  if (value.length !== KEY_LENGTH_BYTES) throw invalid(field, `${value.length} bytes`, `${KEY_LENGTH_BYTES} bytes`);
}

function invalid(field: string, got: string | number, wanted: string): NodeError {
  return new NodeError("request", `Read init request failed: ${field} is "${got}", wanted ${wanted}`);
}
