import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { policyFromCase } from "@constellation/evidence/policy-from-case";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { readCase } from "./read-case.ts";
import { asUsage } from "./usage.ts";

/**
 * Writes a policy that accepts a good case, to a new file or to stdout.
 * @throws CliError `usage` where there is no such case, or one that is refused; `file-exists`
 */
export function initPolicy(context: Context, folder: string, to: string | undefined): void {
  const document = asUsage(() => policyFromCase(readCase(resolve(context.workingDirectory, folder))));
  const text = `${JSON.stringify(document, null, 2)}\n`;
  if (to === undefined) return context.io.out(text);
  const path = resolve(context.workingDirectory, to);
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
