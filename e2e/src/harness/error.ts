/** Why a step of the harness failed; a failed expectation is an AssertionError instead. */
export type HarnessErrorCode = "program_failed" | "timeout" | "registry" | "image" | "disk" | "capture" | "cluster";

/** The harness could not do its part. */
export class HarnessError extends Error {
  override readonly name = "HarnessError";
  readonly code: HarnessErrorCode;

  constructor(code: HarnessErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
