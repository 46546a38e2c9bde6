import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { digestOfFiles, ENGINE, type Plan } from "./plan.ts";
import type { Mutant } from "./walker.ts";

/** What became of a mutant. Nothing runs the place of one that is `unreached`. */
export type Outcome = "killed" | "timeout" | "survived" | "unreached";

/** A mutant with what became of it. */
export interface Result extends Mutant {
  readonly outcome: Outcome;
  /** Where it was killed: the file of the test, and its name. */
  readonly by?: { readonly file: string; readonly test: string };
}

interface Line extends Result {
  /** Of the code that decided this. */
  readonly digest: string;
}

/** The results of a package, kept by what they depend on, so that a second run does only what changed. */
export class ResultStore {
  readonly #plan: Plan;
  readonly #path: string;
  readonly #lines = new Map<string, Line>();
  readonly #testDigests = new Map<string, string>();

  constructor(plan: Plan, folder: string = join(plan.setting.top, "build/mutation")) {
    this.#plan = plan;
    mkdirSync(folder, { recursive: true });
    this.#path = join(folder, `${plan.name}.jsonl`);
    if (!existsSync(this.#path)) return;
    for (const line of readFileSync(this.#path, "utf8").split("\n")) this.#read(line);
  }

  /** What is known of a mutant and still holds. */
  get(mutant: Mutant): Result | undefined {
    const line = this.#lines.get(keyOf(mutant));
    if (line === undefined || line.digest !== this.#digestFor(line)) return undefined;
    const { digest: _, ...result } = line;
    return { ...result, line: mutant.line };
  }

  add(result: Result): void {
    const line: Line = { ...result, digest: this.#digestFor(result) };
    // The newline comes first, so that a line that was cut off spoils no other.
    appendFileSync(this.#path, `\n${JSON.stringify(line)}`);
    this.#lines.set(keyOf(line), line);
  }

  /** Drops all that is known of the package. */
  clear(): void {
    rmSync(this.#path, { force: true });
    this.#lines.clear();
  }

  #read(text: string): void {
    try {
      const line = JSON.parse(text) as Line;
      this.#lines.set(keyOf(line), line);
    } catch {
      // Cut off while it was written: that mutant is run again.
    }
  }

  /** A kill holds as long as the test that did it is the same; what lives must be tried again with each new test. */
  #digestFor({ by }: Result): string {
    const { sourcesDigest, testFiles, setting } = this.#plan;
    const files = by === undefined ? testFiles : testFiles.filter((file) => file === by.file);
    const key = files.join(" ");
    const known = this.#testDigests.get(key) ?? digestOfFiles(setting.top, files);
    this.#testDigests.set(key, known);
    return `${ENGINE} ${sourcesDigest} ${known}`;
  }
}

/** What tells a mutant from all others, wherever its lines move. */
export function keyOf({ file, function: name, mutation }: Pick<Mutant, "file" | "function" | "mutation">): string {
  return `${file} ${name}: ${mutation}`;
}
