/** Why bytes are not what they were offered as. */
export type TdxErrorCode =
  /** More bytes than are looked at. */
  | "too_large"
  /** The quote ends early, or its lengths contradict one another. */
  | "quote_length"
  /** Bytes other than zeros after the signature data. */
  | "quote_trailing"
  | "quote_version"
  /** An SGX quote: TEE type 0. */
  | "tee_type_sgx"
  /** A TEE type that is neither SGX nor TDX. */
  | "tee_type"
  | "attestation_key_type"
  | "qe_vendor_id"
  | "body_type"
  | "body_size"
  | "certification_data_type"
  /** Text that is not a list of PEM certificates. */
  | "certificate_chain"
  /** A certificate without the SGX extensions of a PCK certificate, or with malformed ones. */
  | "pck_extensions"
  /** Bytes that are not a TCB info answer of the PCS. */
  | "tcb_info_format"
  /** Bytes that are not an enclave identity answer of the PCS. */
  | "qe_identity_format"
  /** Bytes that are not a CC event log. */
  | "ccel_format"
  /** The CC event log ends inside an event. */
  | "ccel_truncated"
  /** A CC event log without SHA-384 digests, or with digests of an unknown algorithm. */
  | "ccel_algorithm";

/** The one error of this package; see `TdxErrorCode`. */
export class TdxError extends Error {
  readonly code: TdxErrorCode;

  constructor(code: TdxErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "TdxError";
    this.code = code;
  }
}
