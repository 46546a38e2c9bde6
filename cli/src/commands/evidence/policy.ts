import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { policyFromCase } from "@constellation/evidence/policy-from-case";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { withEndorsements } from "./endorsed.ts";
import { readCase, readFile } from "./read-case.ts";
import { asUsage } from "./usage.ts";

/** Options of `evidence policy init`. */
export interface InitOptions {
  /** Folder of the good case. */
  readonly from: string;
  readonly to?: string;
  /** File with a bundle of endorsements, in the place of the case's own. */
  readonly endorsements?: string;
}

/**
 * Writes a policy that accepts a good case, to a new file or to stdout.
 * @throws CliError `usage` where there is no such case, or one that is refused; `file-exists`
 */
export async function initPolicy(context: Context, { from, to, endorsements }: InitOptions): Promise<void> {
  const at = (file: string): string => resolve(context.workingDirectory, file);
  const document = await asUsage(async () => {
    const own = readCase(at(from));
    return policyFromCase(endorsements === undefined ? own : await withEndorsements(own, readFile(at(endorsements))));
  });
  const text = `${JSON.stringify(document, null, 2)}\n`;
  if (to === undefined) return context.io.out(text);
  const path = at(to);
  try {
    writeFileSync(path, text, { flag: "wx" });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    throw new CliError("file-exists", `Write ${path} failed: the file exists`, {
      hint: "remove it first, or name another",
      cause,
    });
  }
  context.io.err(`The policy was written to ${path}.\n`);
}
