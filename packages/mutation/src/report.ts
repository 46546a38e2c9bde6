import { keyOf, type Outcome, type Result } from "./store.ts";

/** A mutant that lives, and why it may. */
export interface Explanation {
  readonly file: string;
  readonly function: string;
  readonly mutation: string;
  readonly reason: string;
}

/** What a run came to. */
export interface Summary {
  /** For people: a line for each file and one for each package. */
  readonly table: string;
  /** Of 100 mutants, those that tests found. */
  readonly score: number;
  /** Mutants that live without an explanation. */
  readonly unexplained: readonly Result[];
  /** Explanations of mutants that don't live or are not there. */
  readonly stale: readonly Explanation[];
}

/** Sums up results; explanations of packages that have none are left alone. */
export function summarise(results: readonly Result[], explanations: readonly Explanation[]): Summary {
  const living = results.filter(lives);
  const livingKeys = new Set(living.map(keyOf));
  const explainedKeys = new Set(explanations.map(keyOf));
  const packages = Map.groupBy(results, ({ file }) => packageOf(file));
  const rows = [["file", "mutants", "killed", "timed out", "lives", "explained", "score"]];
  const rowOf = (name: string, some: readonly Result[]): string[] => {
    const explained = some.filter((one) => lives(one) && explainedKeys.has(keyOf(one))).length;
    const counts = [some.length, count(some, "killed"), count(some, "timeout"), some.filter(lives).length, explained];
    return [name, ...counts.map(String), scoreOf(some).toFixed(1)];
  };
  for (const [name, ofPackage] of packages) {
    for (const [file, ofFile] of Map.groupBy(ofPackage, (one) => one.file)) rows.push(rowOf(file, ofFile));
    rows.push(rowOf(`${name}, all`, ofPackage));
  }
  rows.push(rowOf("all", results));
  return {
    table: aligned(rows),
    score: scoreOf(results),
    unexplained: living.filter((one) => !explainedKeys.has(keyOf(one))),
    stale: explanations.filter((one) => packages.has(packageOf(one.file)) && !livingKeys.has(keyOf(one))),
  };
}

/** One that no test found. */
export function lives({ outcome }: Result): boolean {
  return outcome === "survived" || outcome === "unreached";
}

function scoreOf(results: readonly Result[]): number {
  return (100 * results.filter((one) => !lives(one)).length) / results.length;
}

function count(results: readonly Result[], outcome: Outcome): number {
  return results.filter((one) => one.outcome === outcome).length;
}

function packageOf(file: string): string {
  return file.split("/")[1] as string;
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widthOf = (column: number): number => Math.max(...rows.map((row) => (row[column] as string).length));
  const line = (row: readonly string[]): string => {
    return row.map((cell, i) => (i === 0 ? cell.padEnd(widthOf(0)) : cell.padStart(widthOf(i)))).join("  ");
  };
  return rows.map(line).join("\n");
}
