import type { EventLogErrorCode } from "@constellation/eventlog";
import type { X509ErrorCode } from "@constellation/x509";

/** Why a check of this package refuses. A closed set; each code belongs to one check, but for `not_checked`. */
export type VtpmCode =
  /** A check that this one depends on failed, so that this one could not run. */
  "not_checked" | AkPublicCode | QuoteCode | EventLogCode | TpmCertificateCode;

/** Why the attestation key is refused. */
export type AkPublicCode =
  | "ak_public_malformed"
  /** A key that could sign what its TPM did not make, or that can leave its TPM. */
  | "ak_public_attributes"
  /** Another signature scheme or name algorithm than is trusted. */
  | "ak_public_scheme";

/** Why the quote is refused. */
export type QuoteCode =
  | "quote_malformed"
  | "quote_magic"
  | "quote_type"
  | "quote_signature_malformed"
  /** Another scheme than the key's, or SHA-1. */
  | "quote_signature_scheme"
  | "quote_signature"
  | "quote_qualifying_data"
  /** SHA-1, or another bank than the values are of. */
  | "quote_bank"
  /** A PCR is quoted whose value is not there. */
  | "quote_pcr_missing"
  /** A PCR's value is there that is not quoted, so nothing vouches for it. */
  | "quote_pcr_extra"
  | "quote_pcr_digest";

/** Why the event log is refused; the suffix of the first kind says what is wrong with its format. */
export type EventLogCode = `eventlog_${EventLogErrorCode}` | "eventlog_pcr_mismatch";

/** Why a certificate of a TPM's key is refused. */
export type TpmCertificateCode =
  /** It can't be read; the suffix says why. */
  | `certificate_${X509ErrorCode}`
  /** A certificate of the chain can't be read, or there is no chain to a root; the suffix says why. */
  | `chain_${X509ErrorCode}`
  | "certificate_usage"
  /** It is another key's. */
  | "certificate_key_mismatch";
