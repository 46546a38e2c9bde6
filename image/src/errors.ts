/** What went wrong in a build: closed set. */
export type BuildErrorCode = "program_missing" | "program_failed" | "input_missing" | "no_mirror" | "no_space";

/** A build step that failed, with what to do about it where that is known. */
export class BuildError extends Error {
  readonly code: BuildErrorCode;
  readonly hint: string | undefined;

  constructor(code: BuildErrorCode, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "BuildError";
    this.code = code;
    this.hint = options.hint;
  }
}
