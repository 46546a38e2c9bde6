/** Why a pod got no key. */
export type KeyClientErrorCode =
  /** The CA's or the token's file can't be read. */
  | "files_unreadable"
  /** The address is no host and port. */
  | "address_invalid"
  /** The key service refuses; asking again does not help. */
  | "refused"
  /** Nobody answers, or it can't serve now: for as long as was asked again. */
  | "unavailable"
  /** The answer is not what was asked for. */
  | "answer_invalid"
  /** The caller's signal. */
  | "aborted";

/** A pod got no key. Messages never hold tokens or keys. */
export class KeyClientError extends Error {
  override readonly name = "KeyClientError";
  readonly code: KeyClientErrorCode;
  /** The key service's own code, where it answered. */
  readonly remoteCode: string | undefined;

  constructor(
    code: KeyClientErrorCode,
    message: string,
    options: ErrorOptions & { readonly remoteCode?: string | undefined } = {},
  ) {
    super(message, options);
    this.code = code;
    this.remoteCode = options.remoteCode;
  }
}
