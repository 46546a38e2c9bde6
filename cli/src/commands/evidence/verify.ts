import { resolve } from "node:path";
import { judgeCase, parsePolicyDocument } from "@constellation/evidence/case";
import type { Context } from "../../context.ts";
import { EXIT, type ExitCode } from "../../exit-codes.ts";
import { describeJson, describeText } from "./describe.ts";
import { withEndorsements } from "./endorsed.ts";
import { readCase, readFile } from "./read-case.ts";
import { asUsage } from "./usage.ts";

/** Options of `evidence verify`. */
export interface VerifyOptions {
  /** File with a policy, in the place of the case's own. */
  readonly policy?: string;
  /** File with a bundle of endorsements, in the place of the case's own. */
  readonly endorsements?: string;
}

/**
 * Judges the case in a folder, by a policy file or by its own policy, and reports.
 * @throws CliError `usage` where there is no case that can be judged; refused evidence is a verdict
 */
export async function verifyCase(context: Context, folder: string, options: VerifyOptions): Promise<ExitCode> {
  const from = (path: string): string => resolve(context.workingDirectory, path);
  const { policy: policyFile, endorsements } = options;
  const { input, verdict } = await asUsage(async () => {
    const own = readCase(from(folder));
    const input = endorsements === undefined ? own : await withEndorsements(own, readFile(from(endorsements)));
    const policy = policyFile === undefined ? undefined : parsePolicyDocument(readFile(from(policyFile)));
    return { input, verdict: judgeCase(input, policy) };
  });
  context.io.out(context.json ? describeJson(input, verdict, context.clock.now()) : describeText(input, verdict));
  return verdict.accepted ? EXIT.ok : EXIT.failed;
}
