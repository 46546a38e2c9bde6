import type { StatusTable } from "@constellation/rpc";

/** Why a local volume can't be made, given out, grown or removed. */
export type LocalVolumeErrorCode =
  | "argument_invalid"
  | "claim_unsupported"
  | "volume_missing"
  | "volume_foreign"
  | "volume_conflict"
  | "volume_in_use"
  | "not_staged"
  | "space_exhausted"
  | "size_out_of_range"
  | "system_failed";

/** The gRPC status of each code, as the CSI specification has them ("Error Scheme" of each call). */
export const STATUSES = {
  argument_invalid: "invalid-argument",
  claim_unsupported: "invalid-argument",
  volume_missing: "not-found",
  volume_foreign: "failed-precondition",
  volume_conflict: "aborted",
  volume_in_use: "failed-precondition",
  not_staged: "failed-precondition",
  space_exhausted: "resource-exhausted",
  size_out_of_range: "out-of-range",
  system_failed: "internal",
} as const satisfies StatusTable & Record<LocalVolumeErrorCode, unknown>;

/** The one error of the local driver. */
export class LocalVolumeError extends Error {
  override readonly name = "LocalVolumeError";
  readonly code: LocalVolumeErrorCode;

  constructor(code: LocalVolumeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
