import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { CaseInput } from "../case/input.ts";
import { parseCase } from "../case/case.ts";
import { EvidenceError } from "../error.ts";
import { EvidenceFiles } from "../files.ts";
import type { Judgement } from "../judgement.ts";
import { pemCertificates } from "../pem.ts";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? resolve(import.meta.dirname, "../../../../../shared/vectors");

/** A case of the vectors with its files by role, to be changed. */
export interface TestCase extends CaseInput {
  readonly contents: ReadonlyMap<string, Uint8Array>;
}

/** Reads a case by its folder and name. */
export function readTestCase(id: string): TestCase {
  const read = (...path: string[]): Uint8Array => new Uint8Array(readFileSync(join(VECTORS, ...path)));
  const subject = parseCase(read(id, "case.json"));
  const contents = new Map(Array.from(subject.files, ([role, name]) => [role, read(id, name)]));
  const roots = subject.roots.flatMap((path) => pemCertificates(read(path)));
  const named = (name: string): Uint8Array => {
    if (existsSync(join(VECTORS, id, name))) return read(id, name);
    throw new EvidenceError("file_missing", `Read evidence failed: got no file named "${name}", wanted one`);
  };
  return { case: subject, contents, files: new EvidenceFiles(contents), roots, named };
}

/** The names of a folder's good cases, but those of kinds that are not judged, and of SHA-1 quotes alone. */
export function goodCases(...folders: readonly string[]): string[] {
  const ids = folders.flatMap((folder) => readdirSync(join(VECTORS, folder)).map((name) => `${folder}/${name}`));
  return ids.filter((id) => !/_fail$|gce-windows-shielded|sgx/.test(id)).sort();
}

/** The same case with other contents of a file; without the file where there are none. */
export function withFile(subject: TestCase, role: string, bytes: Uint8Array | undefined): TestCase {
  const contents = new Map(subject.contents);
  if (bytes === undefined) contents.delete(role);
  else contents.set(role, bytes);
  return { ...subject, contents, files: new EvidenceFiles(contents) };
}

/** The codes of the checks that failed. */
export function codesOf({ checks }: Judgement): string[] {
  return checks.flatMap((done) => (done.outcome === "fail" ? [done.code] : []));
}

/** The code of the package's error that comes out; anything else that comes out fails the test. */
export function errorOf(run: () => unknown): EvidenceError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof EvidenceError) return error;
    throw error;
  }
}
