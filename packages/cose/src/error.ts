/** Why bytes are not the CBOR or COSE that this package reads. */
export type CoseErrorCode =
  /** More bytes or more data items than the limits allow. */
  | "cbor_too_large"
  /** Arrays and maps nested deeper than the limit. */
  | "cbor_too_deep"
  /** The input ends within a data item. */
  | "cbor_truncated"
  /** Bytes after the data item. */
  | "cbor_trailing"
  /** A length or number in more bytes than it needs, or a head that RFC 8949 reserves. */
  | "cbor_head"
  /** A form that nobody needs here: floats, tags, undefined, simple values, lengths that are left open. */
  | "cbor_unsupported"
  /** A text string that is not UTF-8. */
  | "cbor_text"
  /** A map key that is neither an integer nor text. */
  | "cbor_key"
  /** The same key twice in one map. */
  | "cbor_duplicate_key"
  /** Not the array of four that COSE_Sign1 is, or a member of another type. */
  | "sign1_structure"
  /** Header parameters that contradict RFC 9052 section 3, or that must be understood and aren't. */
  | "sign1_header";

/** The one error of this package; see `CoseErrorCode`. */
export class CoseError extends Error {
  readonly code: CoseErrorCode;

  constructor(code: CoseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CoseError";
    this.code = code;
  }
}
