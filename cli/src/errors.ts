import { EXIT, type ExitCode } from "./exit-codes.ts";

/** What went wrong, for scripts that read `--output json`. */
export type CliErrorCode =
  | "usage"
  | "interrupted"
  | "declined"
  | "no-answer"
  | "workspace"
  | "workspace-locked"
  | "file-exists"
  | "file-missing"
  | "file-unsafe"
  | "no-space"
  | "image"
  | "machine"
  | "infrastructure"
  | "timeout"
  | "untrusted"
  | "unreachable"
  | "init-failed"
  | "cluster"
  | "unsupported-change"
  | "refused";

/** An error that the user reads: message, code and, where something can be done, a hint. */
export class CliError extends Error {
  readonly code: CliErrorCode;
  readonly hint: string | undefined;

  constructor(code: CliErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "CliError";
    this.code = code;
    this.hint = options.hint;
  }

  get exitCode(): ExitCode {
    if (this.code === "usage") return EXIT.usage;
    return this.code === "interrupted" ? EXIT.interrupted : EXIT.failed;
  }
}

/** An error as it is shown: without stack trace, with the causes that add something. */
export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** Turns anything thrown into what the user is told. */
export function reportError(error: unknown): ErrorReport {
  if (!(error instanceof Error)) return { code: "internal", message: String(error) };
  const isFull = isNoSpace(error);
  const code = isFull ? "no-space" : (stringProperty(error, "code") ?? "internal");
  const hint = stringProperty(error, "hint") ?? (isFull ? NO_SPACE_HINT : undefined);
  const message = [error.message, ...causeMessages(error)].filter((text) => text !== "").join(": ");
  return { code, message: message === "" ? error.name : message, ...(hint === undefined ? {} : { hint }) };
}

/** The exit code that an error leads to. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof CliError ? error.exitCode : EXIT.failed;
}

/** What can be done where a disk is full. */
export const NO_SPACE_HINT = "free space there (df -h shows how much there is), then run the same command again";

/** Whether an error of the system says that a file system or the user's quota is full. */
export function isNoSpace(error: unknown): boolean {
  return error instanceof Error && ["ENOSPC", "EDQUOT"].includes(stringProperty(error, "code") ?? "");
}

function causeMessages(error: Error): string[] {
  const messages: string[] = [];
  let shown = error.message;
  for (let cause = error.cause; cause instanceof Error && messages.length < 4; cause = cause.cause) {
    if (!shown.includes(cause.message)) messages.push(cause.message);
    shown += cause.message;
  }
  return messages;
}

function stringProperty(error: Error, name: string): string | undefined {
  const value = (error as unknown as Record<string, unknown>)[name];
  return typeof value === "string" ? value : undefined;
}
