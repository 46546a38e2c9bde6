/** Everything that can stop the node agent, by area. The code is stable: the CLI and the tests match on it. */
export type NodeErrorCode =
  | "platform"
  | "tpm"
  | "disk"
  | "mount"
  | "images"
  | "systemd"
  | "state"
  | "kubernetes"
  | "already_initialised"
  | "busy"
  | "request"
  | "cluster_mismatch"
  | "ticket"
  | "refused"
  | "endpoint"
  | "sealed_record"
  | "kms_request"
  | "kms_key"
  | "kms_ciphertext"
  | "kms_unavailable";

/** A failed operation of the node agent. The message names the operation, what was found and what was wanted. */
export class NodeError extends Error {
  readonly code: NodeErrorCode;

  constructor(code: NodeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "NodeError";
    this.code = code;
  }
}

/** The message of an error and of its causes, outermost first. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause === undefined) return error.message;
  return `${error.message}: ${describeError(error.cause)}`;
}

/** The closed code of an error of ours, or "internal". */
export function errorCode(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return "internal";
}
