import { resolve } from "node:path";
import { judgeCase, parsePolicyDocument } from "@constellation/evidence/case";
import type { Context } from "../../context.ts";
import { EXIT, type ExitCode } from "../../exit-codes.ts";
import { describeJson, describeText } from "./describe.ts";
import { readCase, readFile } from "./read-case.ts";
import { asUsage } from "./usage.ts";

/**
 * Judges the case in a folder, by a policy file or by its own policy, and reports.
 * @throws CliError `usage` where there is no case that can be judged; refused evidence is a verdict
 */
export function verifyCase(context: Context, folder: string, policyFile: string | undefined): ExitCode {
  const from = (path: string): string => resolve(context.workingDirectory, path);
  const { input, verdict } = asUsage(() => {
    const input = readCase(from(folder));
    const policy = policyFile === undefined ? undefined : parsePolicyDocument(readFile(from(policyFile)));
    return { input, verdict: judgeCase(input, policy) };
  });
  context.io.out(context.json ? describeJson(input, verdict, context.clock.now()) : describeText(input, verdict));
  return verdict.accepted ? EXIT.ok : EXIT.failed;
}
