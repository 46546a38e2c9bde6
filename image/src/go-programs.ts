import { basename } from "node:path";
import { editedPath } from "./components.ts";
import { BuildError } from "./errors.ts";
import { run } from "./run.ts";

/** A module that was compiled into a program. */
export interface GoModule {
  readonly path: string;
  /** `(devel)` if it is ours. */
  readonly version: string;
  /** Hash of its sources, as in go.sum. */
  readonly sum?: string;
  /** Whether its sources were changed for the build. */
  readonly edited?: true;
}

/** A program as its build information describes it. */
export interface GoProgram {
  readonly name: string;
  /** `go1.26.8`; its standard library is in the program. */
  readonly toolchain: string;
  readonly main: GoModule;
  readonly modules: readonly GoModule[];
}

/** All Go programs below a folder, whoever put them there. */
export async function goPrograms(dir: string): Promise<GoProgram[]> {
  return parseBuildInformation(await run("go", ["version", "-m", dir]));
}

/** Parses what `go version -m` writes; files without a main module are passed over. */
export function parseBuildInformation(text: string): GoProgram[] {
  const sections = text.split(/^(?=[^\t\n])/m);
  return sections.flatMap((section) => {
    const [head = "", ...lines] = section.split("\n");
    const [, file, toolchain] = /^(.*): (go\S+)/.exec(head) ?? [];
    if (file === undefined || toolchain === undefined) return [];
    const { main, modules } = parseModules(lines);
    return main === undefined ? [] : [{ name: basename(file), toolchain, main, modules }];
  });
}

/** @throws BuildError `input_missing` for a folder on this machine that is not one of our edited modules */
function replacement(module: GoModule, by: Required<Omit<GoModule, "edited">>): GoModule {
  if (!/^\.{0,2}\//.test(by.path)) return by;
  if (by.path === editedPath(module.path)) return { path: module.path, version: module.version, edited: true };
  const wanted = editedPath(module.path);
  throw new BuildError("input_missing", `List modules failed: ${module.path} is '${by.path}', wanted '${wanted}'`);
}

/** Each line is `\t<kind>\t<path>\t<version>\t<sum>`; kind `=>` says what the module before it was replaced by. */
function parseModules(lines: readonly string[]): { main?: GoModule; modules: GoModule[] } {
  const found: { kind: string; module: GoModule }[] = [];
  for (const line of lines) {
    const [, kind = "", path = "", version = "", sum = ""] = line.split("\t");
    const last = found.at(-1);
    if (kind === "mod" || kind === "dep") {
      found.push({ kind, module: { path, version, ...(sum === "" ? {} : { sum }) } });
    } else if (kind === "=>" && last !== undefined) {
      last.module = replacement(last.module, { path, version, sum });
    }
  }
  const main = found.find(({ kind }) => kind === "mod")?.module;
  const modules = found.filter(({ kind }) => kind === "dep").map(({ module }) => module);
  return main === undefined ? { modules } : { main, modules };
}
