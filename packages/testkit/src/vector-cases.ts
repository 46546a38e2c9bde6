import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A case folder of the shared evidence. */
export interface VectorCase {
  readonly name: string;
  readonly kind: string;
  readonly verifyTime: Date;
  readonly expect: "pass" | "fail";
  readonly reasonCode?: string;
  readonly policy: Readonly<Record<string, unknown>>;
  readonly expected: Readonly<Record<string, unknown>>;
  /** Whether there is a file of a role. */
  readonly has: (role: string) => boolean;
  /** Contents of a file by its role. */
  readonly file: (role: string) => Uint8Array;
  /** Contents of another file of the case folder. */
  readonly named: (fileName: string) => Uint8Array;
  /** Contents of the trusted roots. */
  readonly roots: readonly Uint8Array[];
}

const BESIDE_THE_CHECKOUT = new URL("../../../../shared/vectors", import.meta.url);

/** The folder with the evidence; it must be there. */
function vectorsFolder(): string {
  const folder = process.env["CONSTELLATION_VECTORS"] ?? fileURLToPath(BESIDE_THE_CHECKOUT);
  if (!existsSync(folder)) throw new Error(`Find test evidence failed: got no folder "${folder}", wanted it`);
  return folder;
}

/** All cases of a kind in a folder of the evidence. */
export function vectorCases(folderName: string, kind: string): VectorCase[] {
  const top = vectorsFolder();
  return readdirSync(join(top, folderName))
    .map((name) => readCase(top, join(top, folderName, name), name))
    .filter((one) => one.kind === kind);
}

interface CaseJson {
  readonly kind: string;
  readonly verify_time: string | null;
  readonly files: Readonly<Record<string, string>>;
  readonly roots: readonly string[];
  readonly policy: Readonly<Record<string, unknown>>;
  readonly expect: "pass" | "fail";
  readonly reason_code?: string;
  readonly expected: Readonly<Record<string, unknown>>;
}

function readCase(top: string, folder: string, name: string): VectorCase {
  const json = JSON.parse(readFileSync(join(folder, "case.json"), "utf8")) as CaseJson;
  const named = (fileName: string) => new Uint8Array(readFileSync(join(folder, fileName)));
  return {
    name,
    kind: json.kind,
    verifyTime: new Date(json.verify_time ?? Number.NaN),
    expect: json.expect,
    ...(json.reason_code !== undefined && { reasonCode: json.reason_code }),
    policy: json.policy,
    expected: json.expected,
    has: (role) => role in json.files,
    file: (role) => named(fileNameOf(json, role)),
    named,
    roots: json.roots.map((path) => new Uint8Array(readFileSync(join(top, path)))),
  };
}

function fileNameOf({ files }: CaseJson, role: string): string {
  const fileName = files[role];
  if (fileName === undefined) throw new Error(`Read test case failed: got no file "${role}", wanted one`);
  return fileName;
}
