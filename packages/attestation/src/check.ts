import type { X509ErrorCode } from "@constellation/x509";

/** Why a check failed. A closed set; each code belongs to one check, but for `not_checked`. */
export type CheckCode =
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

/** What came out of one check. */
export type Check = PassedCheck | FailedCheck | AcceptedCheck;

/** A check that found what it wanted. */
export interface PassedCheck {
  readonly name: string;
  readonly outcome: "pass";
  readonly got?: string;
  readonly wanted?: string;
}

/** A check that refuses the evidence. */
export interface FailedCheck {
  readonly name: string;
  readonly outcome: "fail";
  readonly code: CheckCode;
  readonly got?: string;
  readonly wanted?: string;
  readonly reason?: string;
}

/** A check that the policy leaves open on purpose, with the reason it gives. */
export interface AcceptedCheck {
  readonly name: string;
  readonly outcome: "accepted-by-choice";
  readonly got?: string;
  readonly wanted?: string;
  readonly reason: string;
}

/** A passed check. */
export function pass(name: string, details: { got?: string; wanted?: string } = {}): PassedCheck {
  return { name, outcome: "pass", ...details };
}

/** A failed check. */
export function fail(
  name: string,
  code: CheckCode,
  details: { got?: string; wanted?: string; reason?: string } = {},
): FailedCheck {
  return { name, outcome: "fail", code, ...details };
}

/** Pass or fail by a condition, with what was found and what was wanted. */
export function check(holds: boolean, name: string, code: CheckCode, got: string, wanted: string): Check {
  return holds ? pass(name, { got, wanted }) : fail(name, code, { got, wanted });
}
