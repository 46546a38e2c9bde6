/** Closed set of reasons for which this package refuses. */
export type TpmErrorCode =
  /** A structure is truncated, has trailing data or a field out of range. */
  | "malformed"
  /** A well-formed structure that uses an algorithm this package does not handle. */
  | "unsupported"
  /** The TPM answered with a response code other than success; see `responseCode`. */
  | "response"
  /** The TPM answered successfully, but not with what the command asks for. */
  | "protocol"
  /** A public key is not a point of its curve, or has the wrong shape for its use. */
  | "key"
  /** The attestation key is not a restricted signing key that the TPM made itself. */
  | "ak_attributes"
  /** The attested structure was not made by a TPM (TPM_GENERATED_VALUE is missing). */
  | "quote_magic"
  /** The attested structure is another attestation than a quote. */
  | "quote_type"
  /** The quote's extraData is not the caller's qualifying data. */
  | "quote_nonce"
  /** The quote covers other PCRs or banks than wanted. */
  | "quote_pcr_selection"
  /** The PCR values do not hash to the quoted digest. */
  | "quote_pcr_digest"
  /** The signature scheme does not fit the key or uses another hash than SHA-256. */
  | "quote_scheme"
  /** The signature over the quote does not verify. */
  | "quote_signature"
  /** The answer in a session is not authenticated by the session's key. */
  | "session"
  /** A sealed object is of another form than the one that is made here. */
  | "sealed_form"
  /** A sealed object is bound to other PCR values. */
  | "sealed_policy";

/** What a {@link TpmError} carries besides its code and message. */
export interface TpmErrorDetails {
  readonly cause?: unknown;
  /** The TPM_RC of the answer, with code `response`. */
  readonly responseCode?: number;
  /** The name of that TPM_RC without format bits, for example `TPM_RC_VALUE`. */
  readonly responseName?: string;
}

/** The one error class of this package. */
export class TpmError extends Error {
  override readonly name = "TpmError";
  readonly code: TpmErrorCode;
  readonly responseCode: number | undefined;
  readonly responseName: string | undefined;

  constructor(code: TpmErrorCode, message: string, details: TpmErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.responseCode = details.responseCode;
    this.responseName = details.responseName;
  }
}
