import { parseSync } from "oxc-parser";
import { type Insertion, type Mutant, Walker } from "./walker.ts";

/** A module with all its mutants inside, each switched by its number. */
export interface Mutated {
  readonly mutants: readonly Mutant[];
  readonly source: string;
}

/** Functions that decide on trust, by their names. */
const DECIDES = /^(verify|validate)/;

/**
 * Finds the mutants of a TypeScript module: of all of it where the file's name begins with `verify` or `validate`,
 * else of the functions whose names do.
 */
export function mutate(file: string, source: string, firstNumber: number): Mutated {
  const { program, errors } = parseSync("module.ts", source, { lang: "ts" });
  if (errors.length > 0) throw new Error(`Mutate "${file}" failed: ${errors[0]?.message}`);
  const isWhole = DECIDES.test(file.slice(file.lastIndexOf("/") + 1));
  const walker = new Walker({ file, source, firstNumber, isWanted: (name) => DECIDES.test(name) });
  walker.visit(program, "value", { name: "module", isIn: isWhole, givesCondition: false });
  return { mutants: walker.mutants, source: withInsertions(source, walker.insertions) };
}

/** Insertions at one place stay in the order in which they were made. */
function withInsertions(source: string, insertions: readonly Insertion[]): string {
  const parts: string[] = [];
  let done = 0;
  for (const { offset, text } of insertions.toSorted((a, b) => a.offset - b.offset)) {
    parts.push(source.slice(done, offset), text);
    done = offset;
  }
  return parts.join("") + source.slice(done);
}
