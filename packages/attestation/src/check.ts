import type { X509ErrorCode } from "@constellation/x509";

/** Why a check failed: a code of this package, or of the package of the hardware's evidence. All are closed sets. */
export type CheckCode = QemuVtpmCode | "variant_mismatch" | (string & {});

/** Why a check of the variant `qemu-vtpm` failed. Each code belongs to one check, but for `not_checked`. */
export type QemuVtpmCode =
  /** A check that this one depends on failed, so that this one could not run. */
  | "not_checked"
  | "evidence_too_large"
  | "evidence_malformed"
  | "variant_unknown"
  /** The AK certificate can't be read or has no chain to a root of the policy; the suffix says why. */
  | `ak_certificate_${X509ErrorCode}`
  | "ak_certificate_usage"
  | "ek_digest_missing"
  | "ek_digest_ambiguous"
  | "ek_digest_malformed"
  | "ak_public_malformed"
  | "ak_public_attributes"
  | "ak_public_scheme"
  | "ak_public_key_mismatch"
  | "quote_malformed"
  | "quote_magic"
  | "quote_type"
  | "quote_signature"
  | "quote_signer"
  | "quote_qualifying_data"
  | "quote_pcr_selection"
  | "quote_pcr_digest"
  | "eventlog_malformed"
  | "eventlog_pcr_mismatch"
  | "endorsement_not_allowed"
  | "pcr_mismatch"
  | "pcr_zero";

export { about, type Check, type FailedCheck } from "@constellation/verdict";
