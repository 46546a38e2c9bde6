import {
  AttestationError,
  type Claims,
  appraise,
  clusterRegisterOf,
  freshRegister,
  PCR_INDICES,
  type PcrIndex,
  type PcrPolicy,
  type Policy,
  type QemuVtpmPolicy,
  requireAccepted,
  type Verdict,
} from "@constellation/attestation";
import type { Appraiser } from "@constellation/atls";
import { hex } from "@constellation/bytes";
import { derToPem } from "@constellation/x509";
import { NodeError } from "../errors.ts";

/** What the boot measured of firmware, kernel, root hash and command line: must be what it is here. */
const SAME_AS_OWN: ReadonlySet<PcrIndex> = new Set<PcrIndex>(["4", "8", "9", "11", "12", "13", "14"]);
const CLUSTER_ID_PCR: PcrIndex = "15";

/**
 * The policy by which a joining node accepts the join service. It has no policy from outside and needs none: a cluster
 * consists of nodes of one image under one TPM CA, so the peer must run what this node runs, on a TPM that the same
 * authority vouches for, and must belong to a cluster already (ADR).
 * @param pcrs this node's own values
 */
export function joinServicePolicy(caCertificate: Uint8Array, pcrs: ReadonlyMap<number, Uint8Array>): QemuVtpmPolicy {
  const entries = PCR_INDICES.map((index): [PcrIndex, PcrPolicy] => [index, pcrPolicy(index, pcrs)]);
  return {
    variant: "qemu-vtpm",
    endorsementRoots: [derToPem(caCertificate)],
    pcrs: Object.fromEntries(entries) as Record<PcrIndex, PcrPolicy>,
    endorsements: { kind: "anyOfRoots", reason: "a joining node can't know the records of the cluster yet" },
  };
}

function pcrPolicy(index: PcrIndex, pcrs: ReadonlyMap<number, Uint8Array>): PcrPolicy {
  if (index === CLUSTER_ID_PCR) return { kind: "nonzero", reason: "the cluster's ID is learned from the join ticket" };
  if (!SAME_AS_OWN.has(index)) return { kind: "any", reason: "depends on the machine, not on the image" };
  const value = pcrs.get(Number(index));
  if (value === undefined) throw new NodeError("tpm", `Make join policy failed: got no PCR ${index}, wanted its value`);
  return { kind: "equal", anyOf: [hex(value)] };
}

/** Accepts peers by a policy that is made anew for each connection. */
export function policyAppraiser(policy: () => Promise<Policy>, now: () => Date): Appraiser<Claims> {
  return {
    async appraise(evidence, reportData) {
      const verdict = appraise(evidence, await policy(), { reportData, now: now() });
      requireAccepted(verdict);
      requireMember(verdict);
      return verdict.claims;
    },
  };
}

/** The peer must belong to a cluster; a variant without a register for that can't show it. */
function requireMember({ variant, claims }: Verdict): void {
  const register = clusterRegisterOf(variant);
  if (register === undefined) return;
  const got = claims.clusterRegister ?? "none";
  const fresh = hex(freshRegister(register));
  if (got !== "none" && got !== fresh) return;
  throw new AttestationError("pcr_zero", `Appraise evidence failed: got cluster register ${got}, wanted any but zeros`);
}
