/** Why a key could not be made. */
export type KeysErrorCode =
  | "secret_length"
  | "salt_length"
  | "digest_length"
  | "key_id"
  | "key_length"
  // The keyring.
  | "generation_number"
  | "generation_missing"
  | "generation_unknown"
  | "generation_removed"
  | "generation_wrapped"
  | "generation_answer"
  | "entry_unknown"
  | "entry_missing"
  | "entry_length";

/** An input of the key hierarchy has the wrong shape. Messages never hold secret bytes. */
export class KeysError extends Error {
  override readonly name = "KeysError";
  readonly code: KeysErrorCode;

  constructor(code: KeysErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
