import type { CoseErrorCode } from "@constellation/cose";

/** Why bytes are not an attestation document. */
export type NitroErrorCode =
  /** Not a COSE_Sign1 with a CBOR payload; the suffix says why. */
  | `document_${CoseErrorCode}`
  /** A field that must be there is missing, or one is there that the specification does not know. */
  | "document_fields"
  /** A field of another type, size or value than the specification allows. */
  | "document_value";

/** The one error of this package; see `NitroErrorCode`. */
export class NitroError extends Error {
  readonly code: NitroErrorCode;

  constructor(code: NitroErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "NitroError";
    this.code = code;
  }
}
