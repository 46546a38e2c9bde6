/** Why a call to the API server failed. */
export type KubeErrorCode =
  | "kubeconfig_invalid"
  | "invalid_name"
  | "credentials_unreadable"
  | "aborted"
  | "timeout"
  | "unreachable"
  | "untrusted_server"
  | "response_too_large"
  | "response_invalid"
  | "unauthorized"
  | "forbidden"
  | "not_found"
  | "already_exists"
  | "conflict"
  | "expired"
  | "rejected"
  | "overloaded"
  | "server_error";

const RETRYABLE: ReadonlySet<KubeErrorCode> = new Set([
  "credentials_unreadable",
  "timeout",
  "unreachable",
  "overloaded",
  "server_error",
]);

/** A call to the API server failed. The message ends with the Kubernetes Status message where there is one. */
export class KubeError extends Error {
  override readonly name = "KubeError";
  readonly code: KubeErrorCode;
  /** HTTP status, where the server answered. */
  readonly status: number | undefined;

  constructor(code: KubeErrorCode, message: string, options: ErrorOptions & { readonly status?: number } = {}) {
    super(message, options);
    this.code = code;
    this.status = options.status;
  }

  /** Whether the same call may succeed later without anybody changing anything. */
  get retryable(): boolean {
    return RETRYABLE.has(this.code);
  }
}
