import type { RpcErrorCode } from "@constellation/rpc";
import type { KeyServiceErrorCode } from "./errors.ts";

/**
 * gRPC status of each reason. "unavailable" and "resource-exhausted" tell the caller to try again: a generation that is
 * not known yet may be so only because the kubelet has not brought the changed Secret to this control plane.
 */
export const STATUSES = {
  token_missing: "unauthenticated",
  token_malformed: "unauthenticated",
  token_refused: "unauthenticated",
  token_audience: "unauthenticated",
  token_unbound: "unauthenticated",
  caller_unknown: "permission-denied",
  key_id_invalid: "invalid-argument",
  key_length_invalid: "invalid-argument",
  namespace_forbidden: "permission-denied",
  generation_invalid: "invalid-argument",
  generation_unknown: "unavailable",
  generation_removed: "not-found",
  too_many_requests: "resource-exhausted",
  busy: "resource-exhausted",
  token_review_unavailable: "unavailable",
  master_secret_unavailable: "unavailable",
} as const satisfies Record<KeyServiceErrorCode, RpcErrorCode>;
