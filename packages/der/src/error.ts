/** Why an encoding is not the one DER encoding of the wanted value. */
export type DerErrorCode =
  | "truncated"
  | "trailing"
  | "length"
  | "tag"
  | "too_large"
  | "too_deep"
  | "structure"
  | "set_order"
  | "integer"
  | "boolean"
  | "null"
  | "bit_string"
  | "oid"
  | "string"
  | "time";

/** The one error of this package; see `DerErrorCode`. */
export class DerError extends Error {
  readonly code: DerErrorCode;

  constructor(code: DerErrorCode, message: string) {
    super(message);
    this.name = "DerError";
    this.code = code;
  }
}
