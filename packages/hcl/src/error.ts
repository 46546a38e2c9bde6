/** Why a report of the host compatibility layer was not read. */
export type HclErrorCode =
  /** Not the blob's format; the message says which field. */
  | "hcl_format"
  /** Hardware evidence of another kind than SEV-SNP and TDX. */
  | "hcl_report_type"
  /** The runtime claims are not the JSON that the format asks for. */
  | "hcl_claims";

/** The one error of this package; see `HclErrorCode`. */
export class HclError extends Error {
  readonly code: HclErrorCode;

  constructor(code: HclErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "HclError";
    this.code = code;
  }
}
