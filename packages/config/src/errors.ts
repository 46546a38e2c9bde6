import type { Finding } from "./finding.ts";
import { formatFindings } from "./finding.ts";

/**
 * Why a document was refused: `syntax` (not YAML or JSON), `duplicate-key`, `version` (another document version),
 * `invalid-fields` (the findings say which), `state-mode` (fields contradict each other as a stage of a cluster's life).
 */
export type ConfigErrorCode = "syntax" | "duplicate-key" | "version" | "invalid-fields" | "state-mode";

/** A configuration, state or secret document that cannot be used; `findings` lists every wrong field. */
export class ConfigError extends Error {
  readonly code: ConfigErrorCode;
  readonly findings: readonly Finding[];
  readonly hint: string | undefined;

  constructor(
    code: ConfigErrorCode,
    message: string,
    options: { findings?: readonly Finding[]; hint?: string; cause?: unknown } = {},
  ) {
    const findings = options.findings ?? [];
    super(findings.length > 0 ? `${message}\n${formatFindings(findings)}` : message, { cause: options.cause });
    this.name = "ConfigError";
    this.code = code;
    this.findings = findings;
    this.hint = options.hint;
  }
}
