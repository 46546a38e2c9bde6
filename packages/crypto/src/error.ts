/** Why a key could not be used. */
export type CryptoErrorCode =
  /** Not a SubjectPublicKeyInfo, or a point that is not on its curve. */
  | "key_malformed"
  /** Another kind of key than RSA of 2048 bits or more, P-256 or P-384. */
  | "key_unsupported"
  /** RSASSA-PSS parameters with another hash than SHA-2, or another mask than MGF1 with the same. */
  | "parameters_unsupported";

/** The one error of this package; see `CryptoErrorCode`. */
export class CryptoError extends Error {
  readonly code: CryptoErrorCode;

  constructor(code: CryptoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CryptoError";
    this.code = code;
  }
}
