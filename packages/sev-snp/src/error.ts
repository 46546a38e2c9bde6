/** Why an input of this package could not be used. */
export type SevSnpErrorCode =
  /** A report that is not exactly 1184 bytes. */
  | "report_length"
  /** Another report version than 2, 3 or 5. */
  | "report_version"
  /** A reserved field or bit of a report that does not hold what the specification demands. */
  | "report_reserved"
  /** A certificate that is not of AMD's profile for a VCEK or VLEK. */
  | "endorsement_profile"
  /** Not a GHCB certificate table. */
  | "certificate_table"
  /** A firmware image without the tables that a launch needs, or with tables that contradict each other. */
  | "firmware"
  /** A number, digest or command line that no launch can have. */
  | "launch_input";

/** The one error of this package; see `SevSnpErrorCode`. */
export class SevSnpError extends Error {
  readonly code: SevSnpErrorCode;

  constructor(code: SevSnpErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SevSnpError";
    this.code = code;
  }
}
