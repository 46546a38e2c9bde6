import type { CheckCode } from "./check.ts";

/** Why evidence was refused, or why it could not be judged. */
export type AttestationErrorCode =
  | CheckCode
  /** The policy is not total or not well-formed; see `findings`. */
  | "policy_malformed"
  /** Report data that the caller gave is not 64 bytes. */
  | "report_data_length"
  /** The cluster ID is not 32 bytes. */
  | "cluster_id_length";

/** One wrong field of a policy. */
export interface PolicyFinding {
  /** Where, for example `pcrs.4.anyOf.0`; empty for the whole document. */
  readonly path: string;
  readonly got: string;
  readonly wanted: string;
}

/** The one error of this package; see `AttestationErrorCode`. */
export class AttestationError extends Error {
  readonly code: AttestationErrorCode;
  /** All wrong fields, with code "policy_malformed". */
  readonly findings: readonly PolicyFinding[];

  constructor(
    code: AttestationErrorCode,
    message: string,
    details: ErrorOptions & { findings?: PolicyFinding[] } = {},
  ) {
    super(message, details);
    this.name = "AttestationError";
    this.code = code;
    this.findings = details.findings ?? [];
  }
}
