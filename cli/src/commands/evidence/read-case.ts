import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { EvidenceFiles, pemCertificates } from "@constellation/evidence";
import { type CaseInput, parseCase } from "@constellation/evidence/case";
import { CliError } from "../../errors.ts";

/** Largest file of evidence that is looked at. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/**
 * Reads a case folder with all files that its case.json names. Roots are found relative to the set's top folder, two
 * levels above.
 * @throws CliError `usage` for a file that can't be read, EvidenceError for a case.json that is none
 */
export function readCase(folder: string): CaseInput {
  const subject = parseCase(readFile(join(folder, "case.json")));
  const named = (name: string): Uint8Array => readFile(join(folder, name));
  const files = Array.from(subject.files, ([role, name]) => [role, named(name)] as const);
  const top = resolve(folder, "../..");
  const roots = subject.roots.flatMap((path) => pemCertificates(readFile(join(top, path))));
  return { case: subject, files: new EvidenceFiles(new Map(files)), roots, named };
}

/** Reads a file of evidence. @throws CliError `usage` */
export function readFile(path: string): Uint8Array {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw new CliError("usage", `Read ${path} failed: got no regular file, wanted one`);
    if (stats.size > MAX_FILE_BYTES) {
      throw new CliError("usage", `Read ${path} failed: got ${stats.size} bytes, wanted ${MAX_FILE_BYTES} or fewer`);
    }
    return new Uint8Array(readFileSync(path));
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError("usage", `Read ${path} failed: ${(cause as Error).message}`, { cause });
  }
}
