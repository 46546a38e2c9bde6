import { createHash } from "node:crypto";
import { appendFileSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { FlippedPart } from "./flip.ts";

const TOP = resolve(import.meta.dirname, "../../../../..");

/** The parts that are done, in a file for this state of the sources: a run that was cut off goes on where it was. */
export class FlipStore {
  readonly #path: string;
  readonly #done = new Map<string, FlippedPart>();

  /** Other sources may judge otherwise, and start a file of their own. */
  constructor(folder: string = join(TOP, "build/flips")) {
    mkdirSync(folder, { recursive: true });
    this.#path = join(folder, `${digestOfSources()}.jsonl`);
    if (!existsSync(this.#path)) return;
    // A line that was cut off while it was written is dropped, and its part done again.
    const lines = readFileSync(this.#path, "utf8").split("\n").slice(0, -1);
    writeFileSync(this.#path, lines.map((line) => `${line}\n`).join(""));
    for (const line of lines) this.#keep(JSON.parse(line) as FlippedPart);
  }

  get parts(): FlippedPart[] {
    return [...this.#done.values()];
  }

  has(id: string, part: string): boolean {
    return this.#done.has(`${id} ${part}`);
  }

  add(part: FlippedPart): void {
    appendFileSync(this.#path, `${JSON.stringify(part)}\n`);
    this.#keep(part);
  }

  #keep(part: FlippedPart): void {
    this.#done.set(`${part.id} ${part.part}`, part);
  }
}

/** Of the sources that a verdict depends on, this package's and those of all that it is made of. */
function digestOfSources(): string {
  const hash = createHash("sha256");
  for (const name of [...packagesBelow("evidence")].sort()) {
    const paths = globSync(`packages/${name}/src/**/*.ts`, { cwd: TOP }).sort();
    for (const path of paths.filter((one) => !one.endsWith(".test.ts"))) {
      hash.update(path).update(readFileSync(join(TOP, path)));
    }
  }
  return hash.digest("hex").slice(0, 16);
}

function packagesBelow(name: string, found: Set<string> = new Set()): Set<string> {
  found.add(name);
  const json = JSON.parse(readFileSync(join(TOP, "packages", name, "package.json"), "utf8")) as {
    dependencies?: Record<string, string>;
  };
  const own = Object.keys(json.dependencies ?? {}).flatMap((key) => key.match(/^@constellation\/(.+)$/)?.[1] ?? []);
  for (const other of own) if (!found.has(other)) packagesBelow(other, found);
  return found;
}
