import type { Finding } from "@constellation/fields";

/** Why something could not be judged. Evidence that is bad is judged: it is refused, and nothing is thrown. */
export type EvidenceErrorCode =
  /** A file that evidence of this kind consists of is not there. */
  | "file_missing"
  /** A kind that this package does not judge. */
  | "kind_unknown"
  /** A case, or its policy, is not well-formed; see `findings`. */
  | "case_malformed"
  | "policy_malformed"
  /** A policy was asked for evidence that is refused. */
  | "not_accepted"
  /** A policy was asked for evidence of a kind that has none. */
  | "no_policy"
  /** A file that is of no format known here. */
  | "format_unknown"
  /** A file that says how to judge, not what is judged, is not well-formed. */
  | "file_malformed";

/** The one error of this package. */
export class EvidenceError extends Error {
  override readonly name = "EvidenceError";
  readonly code: EvidenceErrorCode;
  readonly findings: readonly Finding[];

  constructor(
    code: EvidenceErrorCode,
    message: string,
    details: ErrorOptions & { findings?: readonly Finding[] } = {},
  ) {
    super(message, details);
    this.code = code;
    this.findings = details.findings ?? [];
  }
}
