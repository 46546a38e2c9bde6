import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const TOP = process.env["CONSTELLATION_VECTORS"] ?? resolve(import.meta.dirname, "../../../../shared/vectors");
const FOLDERS = ["azure", "gcp-tpm", "nitro", "sev-snp", "tdx", "tpm-eventlogs"];
const MAX_SEEDS = 6;
const MAX_SEED_BYTES = 1 << 16;

/** A good case with the contents of its files. */
export interface CaseFolder {
  readonly kind: string;
  readonly json: Uint8Array;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** PEM or DER. */
  readonly roots: readonly Uint8Array[];
  /** All files of the folder by their names. */
  readonly named: ReadonlyMap<string, Uint8Array>;
}

interface CaseFile {
  readonly kind: string;
  readonly role: string;
  readonly path: string;
}

/** The test evidence that fuzzing starts from. A folder that is not there is an error. */
export class Vectors {
  readonly #files: readonly CaseFile[] = FOLDERS.flatMap(filesOf);

  /** Different files of the roles, small ones first; those of good cases only. `kind` narrows it to a kind of evidence. */
  byRole(roles: readonly string[], kind?: string): Uint8Array[] {
    const found = this.#files.filter((file) => roles.includes(file.role) && (kind ?? file.kind) === file.kind);
    return chosen(found.map(({ path }) => read(path)));
  }

  /** The case.json files themselves, one for each kind of evidence. */
  cases(): Uint8Array[] {
    const byKind = new Map(this.#files.map(({ kind, path }) => [kind, join(path, "../case.json")]));
    return Array.from(byKind.values(), read);
  }

  /** The first case of each kind of evidence. */
  folders(): CaseFolder[] {
    const paths = [...new Set(this.#files.map(({ path }) => join(path, "..")))];
    const folders = paths.map(readFolder);
    const kinds = [...new Set(folders.map(({ kind }) => kind))];
    return kinds.map((kind) => folders.find((folder) => folder.kind === kind) as CaseFolder);
  }

  /** The pinned root certificates. */
  roots(): Uint8Array[] {
    const folder = join(TOP, "trust-roots");
    return chosen(readdirSync(folder).flatMap((name) => (name.endsWith(".pem") ? [read(join(folder, name))] : [])));
  }
}

function filesOf(folder: string): CaseFile[] {
  const names = readdirSync(join(TOP, folder)).filter((name) => !name.endsWith("_fail"));
  return names.sort().flatMap((name) => {
    const { kind, files } = JSON.parse(readFileSync(join(TOP, folder, name, "case.json"), "utf8")) as {
      kind: string;
      files: Record<string, string>;
    };
    return Object.entries(files).map(([role, file]) => ({ kind, role, path: join(TOP, folder, name, file) }));
  });
}

function readFolder(path: string): CaseFolder {
  const json = read(join(path, "case.json"));
  const { kind, files, roots } = JSON.parse(Buffer.from(json).toString()) as {
    kind: string;
    files: Record<string, string>;
    roots: string[];
  };
  const named = new Map(readdirSync(path).map((name) => [name, read(join(path, name))]));
  return {
    kind,
    json,
    files: new Map(Object.entries(files).map(([role, file]) => [role, named.get(file) as Uint8Array])),
    roots: roots.map((root) => read(join(TOP, root))),
    named,
  };
}

function read(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path));
}

/** Some inputs, of different lengths. */
function chosen(inputs: readonly Uint8Array[]): Uint8Array[] {
  const byLength = new Map(inputs.filter(({ length }) => length <= MAX_SEED_BYTES).map((one) => [one.length, one]));
  const ordered = [...byLength.values()].sort((a, b) => a.length - b.length);
  const step = Math.max(1, ordered.length / MAX_SEEDS);
  return Array.from(
    { length: Math.min(MAX_SEEDS, ordered.length) },
    (_, i) => ordered[Math.floor(i * step)] as Uint8Array,
  );
}
