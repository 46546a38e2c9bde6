import { concat, utf8 } from "@constellation/bytes";
import { EvidenceError, EvidenceFiles, pemCertificates } from "@constellation/evidence";
import {
  CASE_KINDS,
  type CaseInput,
  type CaseKind,
  judgeCase,
  parseCase,
  parsePolicyDocument,
} from "@constellation/evidence/case";
import { policyFromCase } from "@constellation/evidence/policy-from-case";
import { showEvidence } from "@constellation/evidence/show";
import type { Target } from "../target.ts";
import { type CaseFolder, Vectors } from "../vectors.ts";

const ROLES = [
  "report",
  "hcl_report",
  "tpm_quote_msg",
  "quote",
  "ccel",
  "document",
  "certificate",
  "pck_crl",
  "tcb_info",
  "qe_identity",
  "ak_public",
  "quote_sha256_sig",
  "eventlog",
];

/** A good case of each kind. */
const folders = new Map(
  new Vectors().folders().flatMap((folder) => {
    const kind = CASE_KINDS.find((known) => known === folder.kind);
    return kind === undefined ? [] : [[kind, folder] as const];
  }),
);

/** Parsers of the package `evidence`, and its judges: for each kind a good case with one file changed. */
export const TARGETS: readonly Target[] = [
  { name: "evidence.show", parse: showEvidence, error: EvidenceError, seeds: showSeeds },
  { name: "evidence.case", parse: parseCase, error: EvidenceError, seeds: (vectors) => vectors.cases() },
  { name: "evidence.policy", parse: readPolicy, error: EvidenceError, seeds: policySeeds },
  ...CASE_KINDS.map(judgeTarget),
];

/** The smallest of each role. */
function showSeeds(vectors: Vectors): Uint8Array[] {
  return ROLES.flatMap((role) => vectors.byRole([role]).slice(0, 1));
}

/** What is inside a policy is read when it is used: here on a case without files. */
function readPolicy(bytes: Uint8Array): void {
  const policy = parsePolicyDocument(bytes);
  judgeCase({ ...inputOf(folderOf(policy.kind)), files: new EvidenceFiles(new Map()) }, policy);
}

const NO_POLICY: ReadonlySet<string> = new Set(["no_policy", "not_accepted"]);

/** Policies from the good cases. */
function policySeeds(): Uint8Array[] {
  return Array.from(folders.values(), inputOf).flatMap((input) => {
    try {
      return [utf8(JSON.stringify(policyFromCase(input)))];
    } catch (error) {
      if (error instanceof EvidenceError && NO_POLICY.has(error.code)) return [];
      throw error;
    }
  });
}

/** The first byte says which file of the case is replaced by what follows. */
function judgeTarget(kind: CaseKind): Target {
  const folder = folderOf(kind);
  const roles = [...folder.files.keys()];
  const input = inputOf(folder);
  return {
    name: `evidence.judge-${kind}`,
    error: EvidenceError,
    parse: (bytes) => {
      const role = roles[(bytes[0] ?? 0) % roles.length] as string;
      const files = new Map(folder.files).set(role, bytes.subarray(1));
      judgeCase({ ...input, files: new EvidenceFiles(files) });
    },
    seeds: () => roles.map((role, index) => concat(Uint8Array.of(index), folder.files.get(role) as Uint8Array)),
  };
}

function inputOf({ json, files, roots, named }: CaseFolder): CaseInput {
  return {
    case: parseCase(json),
    files: new EvidenceFiles(files),
    roots: roots.flatMap(pemCertificates),
    named: (name) => {
      const bytes = named.get(name);
      if (bytes !== undefined) return bytes;
      throw new EvidenceError("file_missing", `Read evidence failed: got no file "${name}", wanted one`);
    },
  };
}

function folderOf(kind: CaseKind): CaseFolder {
  const folder = folders.get(kind);
  if (folder === undefined) throw new Error(`Read vectors failed: got no good case of kind "${kind}", wanted one`);
  return folder;
}
