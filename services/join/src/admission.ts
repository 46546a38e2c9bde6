import { appraise, type Policy, parsePolicy, requireAccepted } from "@constellation/attestation";
import { fromHex } from "@constellation/bytes";
import type { ClusterState, NodeRecord } from "@constellation/cluster-state";
import { EvidenceError, JoinError, refusal } from "./errors.ts";

/** Evidence as it came over an attested connection, and what it must be bound to. */
export interface PresentedEvidence {
  readonly evidence: Uint8Array;
  /** 64 bytes from the handshake of this very connection. */
  readonly reportData: Uint8Array;
}

/**
 * Says which recorded node the evidence proves the peer to be: appraised by the cluster's policy, from a machine that
 * is on record. What the peer says of itself plays no part (T5).
 * @throws EvidenceError with the code of the first failed check
 * @throws JoinError `unknown_identity`, `cluster_state_invalid`
 */
export function admit({ evidence, reportData }: PresentedEvidence, state: ClusterState, now: Date): NodeRecord {
  const verdict = appraise(evidence, policyOf(state), { reportData, now });
  const failed = verdict.checks.find((check) => check.outcome === "fail");
  if (failed !== undefined) throw new EvidenceError(failed);
  requireAccepted(verdict);
  return findRecord(state.nodes, verdict.claims.machine);
}

/** The stored policy, where the machines on record stand in the place of whatever machines it names. */
export function policyOf(state: ClusterState): Policy {
  const stored = parseStoredPolicy(state.policyJson);
  const recorded = state.nodes.map(({ ekDigest }) => ekDigest).toSorted();
  if (stored.variant === "qemu-vtpm") return { ...stored, endorsements: { kind: "anyOf", ekDigests: recorded } };
  return { ...stored, machines: { kind: "anyOf", digests: recorded.map(fromHex) } };
}

/**
 * The record of a machine by its digest.
 * @throws JoinError `unknown_identity`
 */
export function findRecord(nodes: readonly NodeRecord[], ekDigest: string | undefined): NodeRecord {
  const record = nodes.find((candidate) => candidate.ekDigest === ekDigest);
  if (record !== undefined && ekDigest !== undefined) return record;
  throw refusal("unknown_identity", "ekDigest", ekDigest ?? "", "the digest of a node on record");
}

function parseStoredPolicy(json: string): Policy {
  try {
    return parsePolicy(json);
  } catch (cause) {
    throw new JoinError("cluster_state_invalid", "Read policy failed: got a policy.json that does not parse", {
      cause,
    });
  }
}
