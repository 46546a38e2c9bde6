/** Why no key was given. */
export type KeyServiceErrorCode =
  | "caller_unknown"
  | "key_id_invalid"
  | "key_length_invalid"
  | "namespace_forbidden"
  | "generation_unknown"
  | "master_secret_unavailable";

/** A request for a key was refused, or could not be served. Messages never hold key bytes. */
export class KeyServiceError extends Error {
  override readonly name = "KeyServiceError";
  readonly code: KeyServiceErrorCode;

  constructor(code: KeyServiceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
