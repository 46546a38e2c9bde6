import { type Covering, inputName, minimise } from "./corpus.ts";
import type { Coverage } from "./coverage.ts";
import { dictionaryOf } from "./dictionary.ts";
import { execute, type Finding } from "./execute.ts";
import { mutate } from "./mutate.ts";
import { Random } from "./random.ts";
import type { Target } from "./target.ts";

/** What a run consists of. */
export interface FuzzOptions {
  readonly target: Target;
  readonly coverage: Coverage;
  /** What to start from. */
  readonly inputs: readonly Uint8Array[];
  readonly runs: number;
  readonly seed: number;
  /** Longest input that is tried. */
  readonly maxBytes: number;
  /** Called before each execution, so that somebody knows the input if it does not come back. */
  readonly onExecution: (bytes: Uint8Array) => void;
  readonly onFinding: (finding: FoundInput) => void;
}

/** A finding with the input that shows it. */
export interface FoundInput extends Finding {
  readonly input: Uint8Array;
}

/** What came of a run. */
export interface FuzzResult {
  readonly executions: number;
  readonly findings: number;
  /** Inputs that did something new, those to start from among them. */
  readonly interesting: number;
  readonly branches: { readonly ran: number; readonly all: number };
  /** A small corpus that does all that was seen. */
  readonly corpus: readonly Uint8Array[];
}

/** Runs a parser on changed inputs; those that make it do something new are changed further. */
export function fuzz(options: FuzzOptions): FuzzResult {
  const run = new FuzzRun(options);
  run.start();
  for (let i = 0; i < options.runs; i++) run.step();
  return run.result();
}

class FuzzRun {
  readonly #options: FuzzOptions;
  readonly #random: Random;
  readonly #dictionary: readonly Uint8Array[];
  readonly #pool: Uint8Array[] = [];
  readonly #places = new Set<string>();
  #executions = 0;

  constructor(options: FuzzOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#dictionary = dictionaryOf(options.coverage.texts, options.coverage.numbers);
  }

  /** Runs what there is already. */
  start(): void {
    for (const input of [new Uint8Array(), ...this.#options.inputs]) {
      this.#execute(input);
      this.#pool.push(input);
    }
  }

  step(): void {
    const { maxBytes } = this.#options;
    const source = { random: this.#random, dictionary: this.#dictionary, others: this.#pool, maxBytes };
    const input = mutate(this.#choose(), source);
    if (this.#execute(input)) this.#pool.push(input);
  }

  result(): FuzzResult {
    const { coverage } = this.#options;
    return {
      executions: this.#executions,
      findings: this.#places.size,
      interesting: this.#pool.length,
      branches: coverage.branches(),
      corpus: minimise(this.#pool.map((bytes) => this.#cover(bytes))),
    };
  }

  /** The newest inputs more often. */
  #choose(): Uint8Array {
    const size = this.#pool.length;
    const newest = this.#random.below(3) === 0 ? Math.max(1, size >> 2) : size;
    return this.#pool[size - 1 - this.#random.below(newest)] as Uint8Array;
  }

  /** Whether the input did something new. */
  #execute(input: Uint8Array): boolean {
    const { target, coverage, onExecution, onFinding } = this.#options;
    onExecution(input);
    coverage.reset();
    const finding = execute(target, input);
    this.#executions += 1;
    if (finding !== undefined && !this.#places.has(finding.place)) {
      this.#places.add(finding.place);
      onFinding({ ...finding, input });
    }
    return coverage.hasNew();
  }

  #cover(bytes: Uint8Array): Covering {
    const { target, coverage } = this.#options;
    coverage.reset();
    execute(target, bytes);
    return { bytes, features: coverage.features() };
  }
}

/** A finding as a line of a report. */
export function findingLine(target: string, { kind, message, place, input }: FoundInput): object {
  return { event: "finding", target, kind, message, place, input: inputName(input), sizeBytes: input.length };
}
