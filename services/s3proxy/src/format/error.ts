/** Why stored bytes are no object of ours, or not the one that was asked for. */
export type FormatErrorCode =
  | "header_malformed"
  | "version_unknown"
  | "kek_generation_unknown"
  | "key_not_unwrapped"
  | "size_impossible"
  | "chunk_refused"
  | "truncated"
  | "manifest_refused"
  | "part_mismatch"
  | "plaintext_length";

/** Stored bytes were refused, or an object can't be written in this format. Messages hold no key and no content. */
export class FormatError extends Error {
  override readonly name = "FormatError";
  readonly code: FormatErrorCode;

  constructor(code: FormatErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
