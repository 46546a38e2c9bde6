import type { X509ErrorCode } from "@constellation/x509";
import type { NitroErrorCode } from "./error.ts";

/** Why `verifyDocument` refuses. A closed set; each code belongs to one check, but for `not_checked`. */
export type VerifyCode =
  /** A check that this one depends on failed, so that this one could not run. */
  | "not_checked"
  | NitroErrorCode
  /** Other protected parameters than the algorithm ES384 alone. */
  | "protected_alg"
  /** Parameters that are not signed. */
  | "unprotected_parameters"
  /** The certificate can't be read or its key not be used; the suffix says why. */
  | `certificate_${X509ErrorCode}`
  /** A certificate of the bundle can't be read, or there is no chain to a root; the suffix says why. */
  | `cabundle_${X509ErrorCode}`
  /** The certificate is of a CA, or not for signatures. */
  | "certificate_usage"
  /** The signature is not by the key of the certificate over this document. */
  | "signature_mismatch";

/** Why `validateDocument` refuses. A closed set; each code belongs to one kind of check. */
export type ValidateCode =
  | "kind"
  | "module_id"
  | "timestamp"
  | "debug"
  /** The register has another value. */
  | "pcr"
  /** The policy wants a value of a register that the document does not have. */
  | "pcr_missing"
  /** The document has a register that the policy says nothing about. */
  | "pcr_not_stated"
  | "public_key"
  | "user_data"
  | "nonce";
