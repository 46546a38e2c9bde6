import type { StatusTable } from "@constellation/rpc";

/** Why a call about a volume was refused or failed. */
export type CsiErrorCode =
  | "argument_invalid"
  | "busy"
  | "unsupported"
  | "not_staged"
  | "still_published"
  | "not_found"
  | "already_published"
  | "published_elsewhere"
  | "record_missing"
  | "record_ambiguous"
  | "record_conflict"
  | "record_unavailable"
  | "volume_swapped"
  | "volume_blank"
  | "volume_foreign"
  | "header_refused"
  | "integrity_missing"
  | "key_unavailable"
  | "key_refused"
  | "integrity_resize"
  | "vendor_device"
  | "vendor_failed"
  | "kernel";

/** gRPC status of each code, as the CSI specification wants it where it says so ("Error Scheme"). */
export const STATUSES = {
  argument_invalid: "invalid-argument",
  busy: "aborted",
  unsupported: "failed-precondition",
  not_staged: "failed-precondition",
  still_published: "failed-precondition",
  not_found: "not-found",
  already_published: "already-exists",
  published_elsewhere: "failed-precondition",
  record_missing: "failed-precondition",
  record_ambiguous: "failed-precondition",
  record_conflict: "aborted",
  record_unavailable: "unavailable",
  volume_swapped: "failed-precondition",
  volume_blank: "failed-precondition",
  volume_foreign: "failed-precondition",
  header_refused: "failed-precondition",
  integrity_missing: "failed-precondition",
  key_unavailable: "unavailable",
  key_refused: "failed-precondition",
  integrity_resize: "failed-precondition",
  vendor_device: "internal",
  vendor_failed: "internal",
  kernel: "internal",
} as const satisfies StatusTable & Record<CsiErrorCode, unknown>;

/** A refused or failed call. The message names the operation, what was got and what was wanted; never key bytes. */
export class CsiError extends Error {
  override readonly name = "CsiError";
  readonly code: CsiErrorCode;

  constructor(code: CsiErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
