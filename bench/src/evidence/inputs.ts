import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pemToDer } from "@constellation/x509";

/** What each side is handed: the files of one real case by role, the roots that it trusts, and what is wanted of it. */
export interface Inputs {
  readonly kind: Kind;
  /** Folder and name of the case. */
  readonly id: string;
  /** The clock to verify at. */
  readonly now: Date;
  readonly caseJson: Uint8Array;
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** PEM. */
  readonly roots: readonly Uint8Array[];
  /** Values of fields that peers with a policy ask for. */
  readonly wanted: Readonly<Record<string, Uint8Array>>;
  /** SHA-256 registers of a TPM. */
  readonly pcrs: Readonly<Record<string, Uint8Array>>;
}

/** Kinds of evidence that are measured. */
export type Kind = "sev-snp" | "tdx" | "tpm";

/** A real case of each kind that every peer can judge. */
const CASES: Readonly<Record<Kind, string>> = {
  "sev-snp": "sev-snp/milan-v3-dstack",
  tdx: "tdx/v4-emr-dcap",
  tpm: "gcp-tpm/gce-cos-85-no-nonce",
};

/** Names of fields in cases, and in the specifications. */
const WANTED: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  "sev-snp": {
    family_id: "familyId",
    image_id: "imageId",
    report_data: "reportData",
    host_data: "hostData",
    measurement: "measurement",
    report_id_ma: "reportIdMa",
    chip_id: "chipId",
  },
  tdx: {
    mr_seam: "MRSEAM",
    td_attributes: "TDATTRIBUTES",
    xfam: "XFAM",
    mrtd: "MRTD",
    mr_config_id: "MRCONFIGID",
    mr_owner: "MROWNER",
    mr_owner_config: "MROWNERCONFIG",
    rtmr0: "RTMR0",
    rtmr1: "RTMR1",
    rtmr2: "RTMR2",
    rtmr3: "RTMR3",
    report_data: "REPORTDATA",
  },
  tpm: { nonce: "nonce" },
};

interface CaseJson {
  readonly verify_time: string;
  readonly files: Readonly<Record<string, string>>;
  readonly roots: readonly string[];
  readonly expected: Readonly<Record<string, unknown>>;
}

/** Reads the case of a kind. */
export function readInputs(kind: Kind): Inputs {
  const top = vectorsFolder();
  const id = CASES[kind];
  const read = (path: string): Uint8Array => readFileSync(join(top, path));
  const caseJson = read(`${id}/case.json`);
  const { verify_time: verifyTime, files, roots, expected } = JSON.parse(Buffer.from(caseJson).toString()) as CaseJson;
  const registers = files["pcrs"] === undefined ? {} : readSha256Registers(read(`${id}/${files["pcrs"]}`));
  return {
    kind,
    id,
    now: new Date(verifyTime),
    caseJson,
    files: mapValues(files, (name) => read(`${id}/${name}`)),
    roots: roots.map(read),
    wanted: Object.fromEntries(
      Object.entries(WANTED[kind]).map(([name, field]) => [field, Buffer.from(expected[name] as string, "hex")]),
    ),
    pcrs: registers,
  };
}

function vectorsFolder(): string {
  const folder = process.env["CONSTELLATION_VECTORS"] ?? resolve(import.meta.dirname, "../../../../shared/vectors");
  if (existsSync(folder)) return folder;
  throw new Error(`Find evidence failed: got no folder "${folder}", wanted it; CONSTELLATION_VECTORS names another`);
}

function readSha256Registers(json: Uint8Array): Record<string, Uint8Array> {
  const { sha256 } = JSON.parse(Buffer.from(json).toString()) as { sha256: Record<string, string> };
  return mapValues(sha256, (value) => Buffer.from(value, "hex"));
}

/** A file of the case by its role. */
export function file(files: Inputs["files"], role: string): Uint8Array {
  const bytes = files[role];
  if (bytes !== undefined) return bytes;
  throw new Error(`Read case failed: got no file "${role}", wanted one`);
}

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The certificates of a PEM file, DER. */
export function pemBlocks(pem: Uint8Array): Uint8Array[] {
  return (Buffer.from(pem).toString("latin1").match(PEM_BLOCK) ?? []).map(pemToDer);
}

/** What `writeInputs` wrote. */
export function parseInputs(line: string): Inputs {
  const { now, caseJson, files, roots, wanted, pcrs, ...names } = JSON.parse(line) as Written;
  const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));
  return {
    ...names,
    now: new Date(now),
    caseJson: bytes(caseJson),
    files: mapValues(files, bytes),
    roots: roots.map(bytes),
    wanted: mapValues(wanted, bytes),
    pcrs: mapValues(pcrs, bytes),
  };
}

interface Written extends Pick<Inputs, "kind" | "id"> {
  readonly now: string;
  readonly caseJson: string;
  readonly files: Readonly<Record<string, string>>;
  readonly roots: readonly string[];
  readonly wanted: Readonly<Record<string, string>>;
  readonly pcrs: Readonly<Record<string, string>>;
}

/** One line of JSON, with bytes in base64 as Go reads them. */
export function writeInputs({ now, caseJson, files, roots, wanted, pcrs, ...names }: Inputs): string {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  return JSON.stringify({
    ...names,
    now: now.toISOString(),
    caseJson: base64(caseJson),
    files: mapValues(files, base64),
    roots: roots.map(base64),
    wanted: mapValues(wanted, base64),
    pcrs: mapValues(pcrs, base64),
  });
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
