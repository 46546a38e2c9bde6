import { policyIdOf } from "@constellation/evidence";
import { canonicalJson } from "@constellation/json";
import { type PlatformPolicy, platformPolicyField } from "./platform/variants.ts";
import type { PcrIndex } from "./pcr-index.ts";

/** What is accepted in one PCR. */
export type PcrPolicy =
  /** One of these values, 64 lower-case hex digits each. An empty list accepts no value. */
  | { readonly kind: "equal"; readonly anyOf: readonly string[] }
  /** Any value but zeros, by choice. */
  | { readonly kind: "nonzero"; readonly reason: string }
  /** Any value, by choice. */
  | { readonly kind: "any"; readonly reason: string };

/** Which machines are accepted. */
export type EndorsementPolicy =
  /** Machines with one of these ekDigests. An empty list accepts nobody. */
  | { readonly kind: "anyOf"; readonly ekDigests: readonly string[] }
  /** Every machine with a certificate under one of the roots, by choice. */
  | { readonly kind: "anyOfRoots"; readonly reason: string };

/** What is accepted from a QEMU machine with a virtual TPM. Total: every field is stated. */
export interface QemuVtpmPolicy {
  readonly variant: "qemu-vtpm";
  /** PEM certificates of the TPM CAs. An empty list accepts nobody. */
  readonly endorsementRoots: readonly string[];
  readonly pcrs: Readonly<Record<PcrIndex, PcrPolicy>>;
  readonly endorsements: EndorsementPolicy;
}

/** What is accepted, for any variant. */
export type Policy = QemuVtpmPolicy | PlatformPolicy;

/** Canonical JSON (RFC 8785) of a policy: equal policies give equal texts. Lists keep their order. */
export function serializePolicy(policy: Policy): string {
  return canonicalJson(documentOf(policy));
}

/** Names a policy by a digest of {@link serializePolicy}. */
export function policyId(policy: Policy): string {
  return policyIdOf(documentOf(policy));
}

function documentOf(policy: Policy): object {
  return policy.variant === "qemu-vtpm" ? policy : (platformPolicyField(policy.variant).write(policy) as object);
}
