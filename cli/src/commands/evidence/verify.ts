import { resolve } from "node:path";
import { EvidenceError, judgeCase } from "@constellation/evidence";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { EXIT, type ExitCode } from "../../exit-codes.ts";
import { type CaseVerdict, describeVerdict, verdictOf } from "./describe.ts";
import { readCase } from "./read-case.ts";

/**
 * Judges the case in a folder, and reports.
 * @throws CliError `usage` where there is no case that can be judged; refused evidence is a verdict
 */
export function verifyCase(context: Context, folder: string): ExitCode {
  const verdict = judge(resolve(context.workingDirectory, folder));
  context.io.out(describeVerdict(verdict, context.json));
  return verdict.accepted ? EXIT.ok : EXIT.failed;
}

function judge(folder: string): CaseVerdict {
  try {
    const input = readCase(folder);
    return verdictOf(input, judgeCase(input));
  } catch (cause) {
    if (!(cause instanceof EvidenceError)) throw cause;
    throw new CliError("usage", cause.message, { cause });
  }
}
