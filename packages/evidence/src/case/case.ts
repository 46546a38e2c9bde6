import { findingsText, isObject, Reader, shown } from "@constellation/fields";
import { JsonError, parseStrictJson } from "@constellation/json";
import { EvidenceError } from "../error.ts";

/** Kinds of evidence that cases are about. */
export const CASE_KINDS = [
  "sev-snp",
  "sev-snp-launch-digest",
  "tdx",
  "azure-hcl",
  "azure-sev-snp",
  "azure-tdx",
  "tpm-quote",
  "gcp-ek-cert",
  "tpm-eventlog",
  "ccel",
  "nitro",
] as const;

/** One of `CASE_KINDS`. */
export type CaseKind = (typeof CASE_KINDS)[number];

/** A case: evidence, whom it trusts, what it asks for, and what must come out. */
export interface Case {
  readonly id: string;
  readonly kind: CaseKind;
  /** The clock to verify at; undefined where no certificate is involved. */
  readonly verifyTime: Date | undefined;
  /** File name by role, relative to the case's folder. */
  readonly files: ReadonlyMap<string, string>;
  /** Files of trusted roots, relative to the set's top folder. */
  readonly roots: readonly string[];
  readonly policy: Readonly<Record<string, unknown>>;
  readonly banks: readonly string[];
  readonly akPublicFormat: "tpmt-public" | "spki-der";
  readonly expect: "pass" | "fail";
  readonly reasonCode: string | undefined;
}

/**
 * Reads a case.json. Members that say nothing about how to judge are left aside.
 * @throws EvidenceError `case_malformed` with every wrong field, `kind_unknown`
 */
export function parseCase(json: Uint8Array): Case {
  const document = parse(json);
  const reader = new Reader();
  const read = readCase(reader, document);
  if (reader.findings.length > 0) {
    const { findings } = reader;
    throw new EvidenceError("case_malformed", `Read case failed: ${findingsText("case", findings)}`, { findings });
  }
  const kind = CASE_KINDS.find((known) => known === read.kind);
  if (kind === undefined) {
    const wanted = CASE_KINDS.join(", ");
    throw new EvidenceError("kind_unknown", `Read case failed: kind: got "${read.kind}", wanted one of ${wanted}`);
  }
  return { ...read, kind };
}

function parse(json: Uint8Array): unknown {
  try {
    return parseStrictJson(json);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new EvidenceError("case_malformed", `Read case failed: ${cause.message}`, { cause });
  }
}

const SCHEMA = 1;
/** A plain name: a file of the case's folder and no other. */
const FILE_NAME = /^(?!\.)[\w.-]{1,128}$/;
/** Below the set's top folder. */
const ROOT_PATH = /^(?:(?!\.)[\w.-]{1,128}\/){0,4}(?!\.)[\w.-]{1,128}$/;

function readCase(reader: Reader, document: unknown): Omit<Case, "kind"> & { readonly kind: string } {
  if (!isObject(document)) reader.add("", shown(document), "an object");
  const fields = isObject(document) ? document : {};
  if (fields["schema"] !== SCHEMA) reader.add("schema", shown(fields["schema"]), `${SCHEMA}`);
  return {
    id: readText(reader, "id", fields["id"]),
    kind: readText(reader, "kind", fields["kind"]),
    verifyTime: readTime(reader, fields["verify_time"]),
    files: readFiles(reader, fields["files"]),
    roots: readTexts(reader, "roots", fields["roots"] ?? [], ROOT_PATH),
    policy: readPolicy(reader, fields["policy"] ?? {}),
    banks: readTexts(reader, "banks", fields["banks"] ?? [], /^sha(?:1|256|384|512)$/),
    akPublicFormat: fields["ak_public_format"] === "spki-der" ? "spki-der" : "tpmt-public",
    expect: readExpect(reader, fields["expect"]),
    reasonCode: isThere(fields["reason_code"]) ? readText(reader, "reason_code", fields["reason_code"]) : undefined,
  };
}

function readText(reader: Reader, path: string, value: unknown, pattern = /^[\x21-\x7e]{1,200}$/): string {
  if (typeof value === "string" && pattern.test(value)) return value;
  reader.add(path, shown(value), `text like ${pattern.source}`);
  return "";
}

function readTexts(reader: Reader, path: string, value: unknown, pattern: RegExp): string[] {
  if (Array.isArray(value)) return value.map((item, index) => readText(reader, `${path}.${index}`, item, pattern));
  reader.add(path, shown(value), "a list");
  return [];
}

function readFiles(reader: Reader, value: unknown): Map<string, string> {
  if (!isObject(value)) {
    reader.add("files", shown(value), "an object");
    return new Map();
  }
  const named = Object.entries(value).filter(([, name]) => isThere(name));
  return new Map(named.map(([role, name]) => [role, readText(reader, `files.${role}`, name, FILE_NAME)]));
}

/** A member that is null is one that is left out. */
function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Times without a zone are in UTC, whatever the zone is here. */
const WITHOUT_ZONE = /^\d{4}-\d{2}-\d{2}T[\d:.]+$/;

function readTime(reader: Reader, value: unknown): Date | undefined {
  if (!isThere(value)) return undefined;
  const text = typeof value === "string" ? value : "";
  const time = new Date(WITHOUT_ZONE.test(text) ? `${text}Z` : text);
  if (Number.isNaN(time.getTime())) reader.add("verify_time", shown(value), "a time, or null");
  return time;
}

function readPolicy(reader: Reader, value: unknown): Readonly<Record<string, unknown>> {
  if (isObject(value)) return Object.fromEntries(Object.entries(value).filter(([, entry]) => isThere(entry)));
  reader.add("policy", shown(value), "an object");
  return {};
}

function readExpect(reader: Reader, value: unknown): Case["expect"] {
  if (value === "pass" || value === "fail") return value;
  reader.add("expect", shown(value), '"pass" or "fail"');
  return "fail";
}
