import type { RpcErrorCode } from "@constellation/rpc";
import type { JoinErrorCode } from "./errors.ts";

/**
 * gRPC status of each reason. "unavailable" and "resource-exhausted" tell the node to try again; the others stay as they
 * are until somebody changes the record, the node or the cluster.
 */
export const JOIN_STATUSES = {
  evidence_refused: "permission-denied",
  unknown_identity: "permission-denied",
  role_mismatch: "permission-denied",
  disk_mismatch: "permission-denied",
  address_mismatch: "permission-denied",
  generation_invalid: "invalid-argument",
  certificate_request_malformed: "invalid-argument",
  certificate_request_key: "invalid-argument",
  certificate_request_signature: "permission-denied",
  too_many_attempts: "resource-exhausted",
  busy: "resource-exhausted",
  cluster_state_unavailable: "unavailable",
  cluster_state_invalid: "failed-precondition",
  key_service_unavailable: "unavailable",
  pki_unavailable: "unavailable",
  kms_unavailable: "unavailable",
} as const satisfies Record<JoinErrorCode, RpcErrorCode>;
