/** Why no key was given. */
export type KeyServiceErrorCode =
  // Who asks.
  | "token_missing"
  | "token_malformed"
  | "token_refused"
  | "token_audience"
  | "token_unbound"
  | "caller_unknown"
  // What for.
  | "key_id_invalid"
  | "key_length_invalid"
  | "namespace_forbidden"
  | "generation_invalid"
  | "generation_unknown"
  | "generation_removed"
  // Bounds.
  | "too_many_requests"
  | "busy"
  // The service can't decide or serve right now.
  | "token_review_unavailable"
  | "master_secret_unavailable";

/** A request for a key was refused, or could not be served. Messages never hold key bytes or tokens. */
export class KeyServiceError extends Error {
  override readonly name = "KeyServiceError";
  readonly code: KeyServiceErrorCode;

  constructor(code: KeyServiceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
