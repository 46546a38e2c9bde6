import { createHash } from "node:crypto";
import { concat, hex } from "@constellation/bytes";
import { AttestationError } from "./error.ts";
import type { Policy } from "./policy.ts";

const CLUSTER_ID_BYTES = 32;

/** Where a variant's evidence shows the cluster's ID, and by which hash it is extended there. */
export type ClusterRegister =
  | { readonly kind: "pcr"; readonly hash: "sha256" | "sha384" }
  | { readonly kind: "rtmr"; readonly hash: "sha384" };

/** The register of a variant: PCR 15 of its TPM, RTMR3 of a TD. An SEV-SNP report has none that a guest can extend. */
export function clusterRegisterOf(variant: Policy["variant"]): ClusterRegister | undefined {
  switch (variant) {
    case "sev-snp":
      return undefined;
    case "tdx":
      return { kind: "rtmr", hash: "sha384" };
    case "aws-sev-snp":
    case "aws-nitro-tpm":
      return { kind: "pcr", hash: "sha384" };
    default:
      return { kind: "pcr", hash: "sha256" };
  }
}

/** What a register is extended with for a cluster. Throws `AttestationError` "cluster_id_length". */
export function clusterIdDigest(register: ClusterRegister, clusterId: Uint8Array): Uint8Array {
  if (clusterId.length === CLUSTER_ID_BYTES) return digest(register, clusterId);
  throw new AttestationError(
    "cluster_id_length",
    `Compute cluster PCR failed: got a cluster ID of "${clusterId.length}" bytes, wanted "${CLUSTER_ID_BYTES}"`,
  );
}

/** The register of a machine that belongs to a cluster: zeros, extended once with {@link clusterIdDigest}. */
export function memberRegister(register: ClusterRegister, clusterId: Uint8Array): Uint8Array {
  return digest(register, concat(freshRegister(register), clusterIdDigest(register, clusterId)));
}

/** The register of a machine that belongs to no cluster. */
export function freshRegister({ hash }: ClusterRegister): Uint8Array {
  return new Uint8Array(hash === "sha256" ? 32 : 48);
}

/** PCR 15 of a member by the SHA-256 bank, hexadecimal; see {@link memberRegister}. */
export function clusterIdPcr(clusterId: Uint8Array): string {
  return hex(memberRegister({ kind: "pcr", hash: "sha256" }, clusterId));
}

function digest({ hash }: ClusterRegister, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash(hash).update(bytes).digest());
}
