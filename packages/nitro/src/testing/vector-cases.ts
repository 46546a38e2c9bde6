import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A case of the shared evidence. */
export interface NitroCase {
  readonly name: string;
  readonly document: Uint8Array;
  readonly roots: readonly string[];
  readonly verifyTime: Date;
  readonly policy: {
    readonly allow_debug: boolean;
    readonly pcrs?: Readonly<Record<string, string>>;
    readonly user_data?: string;
    readonly nonce?: string;
  };
  readonly expect: "pass" | "fail";
  readonly reasonCode: string | undefined;
  readonly expected: Readonly<Record<string, unknown>>;
}

interface CaseJson {
  readonly verify_time: string;
  readonly files: { readonly document: string };
  readonly roots: readonly string[];
  readonly policy: NitroCase["policy"];
  readonly expect: "pass" | "fail";
  readonly reason_code?: string;
  readonly expected: Readonly<Record<string, unknown>>;
}

/** All cases of the shared evidence, which must be there. */
export function nitroCases(): NitroCase[] {
  const top = process.env["CONSTELLATION_VECTORS"] ?? join(import.meta.dirname, "../../../../../shared/vectors");
  const folder = join(top, "nitro");
  if (!existsSync(folder)) throw new Error(`Find test evidence failed: got no folder "${folder}", wanted it`);
  return readdirSync(folder).map((name) => {
    const json = JSON.parse(readFileSync(join(folder, name, "case.json"), "utf8")) as CaseJson;
    return {
      name,
      document: new Uint8Array(readFileSync(join(folder, name, json.files.document))),
      roots: json.roots.map((path) => readFileSync(join(top, path), "utf8")),
      verifyTime: new Date(json.verify_time),
      policy: json.policy,
      expect: json.expect,
      reasonCode: json.reason_code,
      expected: json.expected,
    };
  });
}
