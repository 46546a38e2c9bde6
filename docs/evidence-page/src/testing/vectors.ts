import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { DroppedFile } from "../page/dropped-files.ts";

/** The folder of evidence that the tests are about. */
export const VECTORS: string =
  process.env["CONSTELLATION_VECTORS"] ?? resolve(import.meta.dirname, "../../../../../shared/vectors");

/** Sets of cases. */
const FOLDERS = ["azure", "gcp-tpm", "nitro", "sev-snp", "tdx", "tpm-eventlogs"];
/** Kinds that nobody judges. */
const OTHER_KINDS: ReadonlySet<string> = new Set(["sgx"]);

/** A case of the vectors by its folder below them. */
export interface VectorCase {
  readonly id: string;
  readonly kind: string;
  /** The clock to verify at. */
  readonly verify_time: string | null;
}

/** All cases of kinds that are judged. */
export function vectorCases(): VectorCase[] {
  const files = globSync(`{${FOLDERS.join(",")}}/*/case.json`, { cwd: VECTORS }).sort();
  const cases = files.map((file) => JSON.parse(readFileSync(join(VECTORS, file), "utf8")) as VectorCase);
  return cases.filter(({ kind }) => !OTHER_KINDS.has(kind));
}

/** The files below a folder of the vectors, by paths that start with `as`. */
export function filesBelow(folder: string, as: string): DroppedFile[] {
  const below = globSync("**", { cwd: join(VECTORS, folder), withFileTypes: true });
  return below
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const inside = path.slice(join(VECTORS, folder).length);
      return { path: `${as}${inside}`, bytes: new Uint8Array(readFileSync(path)) };
    });
}
