/** Why a text is not taken as JSON. */
export type JsonErrorCode =
  /** Not UTF-8, or not RFC 8259. */
  | "syntax"
  /** An object has a key twice, where parsers disagree. */
  | "duplicate_key"
  /** Deeper than any document that is read here. */
  | "too_deep"
  /** Something else than an object, where one is wanted, or an object without the wanted member. */
  | "shape";

/** The one error of this package; see `JsonErrorCode`. */
export class JsonError extends Error {
  readonly code: JsonErrorCode;

  constructor(code: JsonErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "JsonError";
    this.code = code;
  }
}
