import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Setting } from "./messages.ts";
import { mutate } from "./mutate.ts";
import type { Mutant } from "./walker.ts";

/** Raised when mutants are made or run in another way, so that all are run again. */
export const ENGINE = 1;

const TOP = resolve(import.meta.dirname, "../../..");

/** Sweeps over every byte of a case; they take minutes, and what they find the other tests must find. */
const LEFT_OUT = /\/byte-flips\.test\.ts$|\.integration\.test\.ts$/;

/** What is to be done for a package. */
export interface Plan {
  readonly name: string;
  readonly setting: Setting;
  /** The mutant with number n is at n - 1. */
  readonly mutants: readonly Mutant[];
  readonly testFiles: readonly string[];
  /** Of all code that its tests may run. */
  readonly sourcesDigest: string;
}

/** Finds mutants and tests of a package. */
export function planPackage(name: string, top: string = TOP): Plan {
  const modules: { file: string; firstNumber: number }[] = [];
  const mutants: Mutant[] = [];
  for (const file of sourcesOf(top, name).filter((path) => !path.includes("/testing/"))) {
    const found = mutate(file, readFileSync(join(top, file), "utf8"), mutants.length + 1).mutants;
    if (found.length === 0) continue;
    modules.push({ file, firstNumber: mutants.length + 1 });
    mutants.push(...found);
  }
  const tests = globSync(`packages/${name}/src/**/*.test.ts`, { cwd: top }).filter((path) => !LEFT_OUT.test(path));
  const below = [...packagesBelow(top, name)].flatMap((other) => sourcesOf(top, other));
  const sourcesDigest = digestOfFiles(top, below);
  return {
    name,
    setting: { top, folder: `packages/${name}/src/`, modules },
    mutants,
    testFiles: tests.sort(),
    sourcesDigest,
  };
}

/** A digest of names and contents. */
export function digestOfFiles(top: string, paths: readonly string[]): string {
  const hash = createHash("sha256");
  for (const path of paths.toSorted()) hash.update(`${path}\0`).update(readFileSync(join(top, path)));
  return hash.digest("hex").slice(0, 16);
}

function sourcesOf(top: string, name: string): string[] {
  const paths = globSync(`packages/${name}/src/**/*.ts`, { cwd: top });
  return paths.filter((path) => !path.endsWith(".test.ts")).sort();
}

/** A package and all of ours that it is made of. */
function packagesBelow(top: string, name: string, found: Set<string> = new Set()): Set<string> {
  found.add(name);
  const text = readFileSync(join(top, "packages", name, "package.json"), "utf8");
  const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
  for (const dependency of Object.keys(dependencies)) {
    const own = dependency.match(/^@constellation\/(.+)$/)?.[1];
    if (own !== undefined && !found.has(own)) packagesBelow(top, own, found);
  }
  return found;
}
