import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Where the corpora are. */
export const CORPUS_FOLDER = resolve(import.meta.dirname, "../corpus");
/** What is kept of a target. */
export const CORPUS_LIMITS = { files: 50, bytes: 4096 } as const;

const NAME_LENGTH = 16;

/** The name of an input: the start of its SHA-256 digest. */
export function inputName(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, NAME_LENGTH);
}

/** Reads a target's corpus; an empty one where there is none yet. */
export function readCorpus(target: string, folder: string = CORPUS_FOLDER): Uint8Array[] {
  const path = join(folder, target);
  if (!existsSync(path)) return [];
  return readdirSync(path)
    .sort()
    .map((name) => new Uint8Array(readFileSync(join(path, name))));
}

/** Puts these inputs in place of a target's corpus. */
export function writeCorpus(target: string, inputs: readonly Uint8Array[], folder: string = CORPUS_FOLDER): void {
  const path = join(folder, target);
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  for (const input of inputs) writeFileSync(join(path, inputName(input)), input);
}

/** An input with what running it does; see `Coverage.features`. */
export interface Covering {
  readonly bytes: Uint8Array;
  readonly features: readonly number[];
}

/** The fewest small inputs that do what all small ones do, at most as many as are kept: greedily, smaller ones first. */
export function minimise(inputs: readonly Covering[]): Uint8Array[] {
  const left = inputs
    .filter(({ bytes }) => bytes.length <= CORPUS_LIMITS.bytes)
    .sort((a, b) => a.bytes.length - b.bytes.length);
  const done = new Set<number>();
  const kept: Uint8Array[] = [];
  while (kept.length < CORPUS_LIMITS.files) {
    const gains = left.map(({ features }) => features.reduce((sum, one) => sum + (done.has(one) ? 0 : 1), 0));
    const best = Math.max(0, ...gains);
    const chosen = left[gains.indexOf(best)];
    if (best === 0 || chosen === undefined) break;
    for (const one of chosen.features) done.add(one);
    kept.push(chosen.bytes);
  }
  return kept;
}
