/** Why a certificate or CRL was not read or not trusted. */
export type X509ErrorCode =
  /** Not one PEM block with a certificate. */
  | "pem"
  /** Not the strict DER encoding of a certificate or CRL; `cause` says where. */
  | "malformed"
  /** Another version than v3, for a CRL v2. */
  | "version"
  /** The same extension twice. */
  | "duplicate_extension"
  /** Inner and outer signature algorithm differ. */
  | "algorithm_mismatch"
  /** A signature algorithm or parameters outside the supported set. */
  | "unsupported_algorithm"
  /** A key that is unusable, too short, or on another curve than the supported ones. */
  | "public_key"
  /** The clock given is not a time. */
  | "clock"
  | "not_yet_valid"
  | "expired"
  | "unknown_critical_extension"
  | "not_a_ca"
  | "key_usage"
  | "path_length"
  | "signature"
  /** No root and no intermediate has the wanted subject. */
  | "issuer_unknown"
  /** The leaf is its own root. */
  | "loop"
  | "chain_too_long"
  /** More signature checks were needed than are allowed. */
  | "too_many_attempts"
  /** The CRL is of another issuer than the certificate, or than the one that was to have signed it. */
  | "crl_issuer"
  /** A CRL that does not speak about all certificates of its issuer, or about those of others. */
  | "crl_scope"
  | "crl_not_yet_valid"
  | "crl_expired"
  | "crl_signature";

/** The one error of this package; see `X509ErrorCode`. */
export class X509Error extends Error {
  readonly code: X509ErrorCode;

  constructor(code: X509ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "X509Error";
    this.code = code;
  }
}
