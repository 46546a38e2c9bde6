/** Everything that can go wrong with a local cluster, by what the user can do about it. */
export type LocalErrorCode =
  | "tool-missing"
  | "tool-too-old"
  | "firmware-missing"
  | "image-missing"
  | "spec-invalid"
  | "memory-low"
  | "disk-low"
  | "no-space"
  | "port-busy"
  | "workspace-busy"
  | "workspace-stale"
  | "state-corrupt"
  | "run-directory-unsafe"
  | "accelerator-unavailable"
  | "process-died"
  | "process-stuck"
  | "control-failed"
  | "qmp-failed"
  | "tpm-failed"
  | "node-unknown"
  | "node-running"
  | "cluster-missing";

/** What an error of this package carries besides its code and message. */
export interface LocalErrorOptions {
  cause?: unknown;
  /** What the user can do about it, one sentence without a full stop. */
  hint?: string;
}

/** The one error class of this package: a closed `code`, a message, often a `hint`. */
export class LocalError extends Error {
  override readonly name = "LocalError";
  readonly code: LocalErrorCode;
  readonly hint: string | undefined;

  constructor(code: LocalErrorCode, message: string, options: LocalErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** The system error code ("ENOENT", "EADDRINUSE", ...) of a thrown value, if it has one. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
