import { equalConstantTime, hex } from "@constellation/bytes";
import { digest } from "@constellation/crypto";
import { EvidenceError, EvidenceFiles, pemCertificates } from "@constellation/evidence";
import { type CaseInput, parseCase } from "@constellation/evidence/case";
import { pemToDer } from "@constellation/x509";
import type { DroppedFile } from "./dropped-files.ts";

/** Files by their paths. */
export type Dropped = ReadonlyMap<string, Uint8Array>;

/** A root that is trusted. */
export interface TrustedRoot {
  /** The file that it was found in, or whose it says it is. */
  readonly name: string;
  readonly pem: string;
  /** Of the DER, in hexadecimal. */
  readonly sha256: string;
}

/** A case among the dropped files, ready to be judged. */
export interface DroppedCase {
  readonly input: CaseInput;
  readonly roots: readonly TrustedRoot[];
}

const CASE_FILE = "case.json";

/** Adds files to those that are there; one of the same path takes the place of the one before. */
export function withFiles(dropped: Dropped, files: readonly DroppedFile[]): Dropped {
  return new Map([...dropped, ...files.map(({ path, bytes }) => [path, bytes] as const)]);
}

/** The folders that have a case.json, in the order of their names; `""` for one that was dropped by itself. */
export function caseFolders(dropped: Dropped): string[] {
  const folders = [...dropped.keys()].filter((path) => nameOf(path) === CASE_FILE).map(folderOf);
  return folders.sort();
}

/** The files that are in no folder of a case. */
export function looseFiles(dropped: Dropped): DroppedFile[] {
  const folders = new Set(caseFolders(dropped));
  return Array.from(dropped, ([path, bytes]) => ({ path, bytes })).filter(({ path }) => !folders.has(folderOf(path)));
}

/**
 * Reads the case in a folder with all files that its case.json names. As for `constellation evidence verify`, roots are
 * relative to the set's top folder, two levels above; where that was not dropped, they are known by the end of their path.
 * @throws EvidenceError for a case.json that is none, and for files that were not dropped
 */
export function readDroppedCase(dropped: Dropped, folder: string): DroppedCase {
  const named = (name: string): Uint8Array => fileAt(dropped, join(folder, name));
  const subject = parseCase(named(CASE_FILE));
  const files = new Map(Array.from(subject.files, ([role, name]) => [role, named(name)]));
  const roots = subject.roots.flatMap((root) => {
    const name = findRoot(dropped, folder, root);
    return pemCertificates(fileAt(dropped, name)).map((pem) => trustedRoot(name, pem));
  });
  return {
    input: { case: subject, files: new EvidenceFiles(files), roots: roots.map(({ pem }) => pem), named },
    roots,
  };
}

function trustedRoot(name: string, pem: string): TrustedRoot {
  return { name, pem, sha256: hex(digest("sha256", pemToDer(pem))) };
}

function findRoot(dropped: Dropped, folder: string, root: string): string {
  const exact = join(folderOf(folderOf(folder)), root);
  if (folder.includes("/") && dropped.has(exact)) return exact;
  const like = [...dropped.keys()].filter((path) => isEndOf(root, path) || isEndOf(path, root));
  const [first, ...others] = like;
  if (first === undefined) {
    throw new EvidenceError("file_missing", `Read case failed: got no file "${root}", wanted the root that it trusts`);
  }
  const bytes = fileAt(dropped, first);
  if (others.every((path) => equalConstantTime(fileAt(dropped, path), bytes))) return first;
  throw new EvidenceError(
    "file_malformed",
    `Read case failed: got ${like.map((path) => `"${path}"`).join(" and ")}, wanted one root "${root}"`,
  );
}

/** Whether a path ends in all of another, folder by folder. */
function isEndOf(end: string, path: string): boolean {
  return path === end || path.endsWith(`/${end}`);
}

function fileAt(dropped: Dropped, path: string): Uint8Array {
  const bytes = dropped.get(path);
  if (bytes !== undefined) return bytes;
  throw new EvidenceError("file_missing", `Read case failed: got no file "${path}", wanted it dropped too`);
}

function join(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

function folderOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
