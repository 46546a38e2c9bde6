import type { AttestationErrorCode, FailedCheck } from "@constellation/attestation";
import type { NodeRole } from "@constellation/cluster-state";

/** Why a node got no ticket. */
export type JoinErrorCode =
  // Refusals: what the caller asks for is not what is on record for it.
  | "evidence_refused"
  | "unknown_identity"
  | "role_mismatch"
  | "disk_mismatch"
  | "address_mismatch"
  | "generation_invalid"
  | "certificate_request_malformed"
  | "certificate_request_key"
  | "certificate_request_signature"
  // Bounds.
  | "too_many_attempts"
  | "busy"
  // The service can't decide or serve right now (T9).
  | "cluster_state_unavailable"
  | "cluster_state_invalid"
  | "key_service_unavailable"
  | "pki_unavailable"
  | "kms_unavailable";

/** What a refusal is about, for the answer and for the log. */
export interface RefusalDetails {
  readonly field: string;
  readonly got: string;
  readonly wanted: string;
}

/** A ticket was refused or could not be made. Never holds a secret: message and fields go to caller and log. */
export class JoinError extends Error {
  override readonly name = "JoinError";
  readonly code: JoinErrorCode;
  readonly details: RefusalDetails | undefined;

  constructor(
    code: JoinErrorCode,
    message: string,
    options: ErrorOptions & { readonly details?: RefusalDetails } = {},
  ) {
    super(message, options);
    this.code = code;
    this.details = options.details;
  }
}

/** The evidence was not accepted: `code` is that of the first check that failed, `details` what it found and wanted. */
export class EvidenceError extends Error {
  override readonly name = "EvidenceError";
  readonly code: AttestationErrorCode;
  readonly details: RefusalDetails;

  constructor({ name, code, got, wanted, reason }: Omit<FailedCheck, "outcome">) {
    const details = { field: name, got: got ?? reason ?? "nothing", wanted: wanted ?? "a check that passes" };
    super(`Appraise evidence failed: ${name}: got ${details.got}, wanted ${details.wanted}`);
    this.code = code;
    this.details = details;
  }
}

/** A refusal that names the field, the value got and the value wanted. */
export function refusal(code: JoinErrorCode, field: string, got: string, wanted: string): JoinError {
  const details = { field, got: shown(got), wanted };
  return new JoinError(code, `Issue ticket failed: ${field}: got ${details.got}, wanted ${wanted}`, { details });
}

/** Roles as they are asked for; one that is not stated is none of them. */
export type RequestedRole = NodeRole | "unspecified";

const MAX_SHOWN_CHARS = 100;

/** A caller's value as it may stand in messages: quoted, escaped, bounded. */
function shown(value: string): string {
  return JSON.stringify(value.length > MAX_SHOWN_CHARS ? `${value.slice(0, MAX_SHOWN_CHARS)}...` : value);
}
