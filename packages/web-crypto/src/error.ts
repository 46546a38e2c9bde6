/** Why something could not be judged here. It is no verdict. */
export type WebCryptoErrorCode =
  /** A key or signature was looked at outside of `settle`. */
  | "not_settling"
  /** More keys and signatures than any judgement looks at. */
  | "too_many_questions";

/** The one error of this package; see `WebCryptoErrorCode`. */
export class WebCryptoError extends Error {
  readonly code: WebCryptoErrorCode;

  constructor(code: WebCryptoErrorCode, message: string) {
    super(message);
    this.name = "WebCryptoError";
    this.code = code;
  }
}
