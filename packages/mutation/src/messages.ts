/** A test by its file and its place there. */
export interface TestId {
  /** From the top of the checkout. */
  readonly file: string;
  readonly index: number;
}

/** What a worker is told when it starts: the modules to be mutated, with the number of their first mutant. */
export interface Setting {
  readonly top: string;
  /** The folder of the package's modules, from the top. */
  readonly folder: string;
  readonly modules: readonly { readonly file: string; readonly firstNumber: number }[];
}

/** What a worker is asked for, with the mutant that is on meanwhile; 0 is none. */
export type Request = (
  | { readonly kind: "load"; readonly file: string }
  | { readonly kind: "run"; readonly tests: readonly TestId[] }
) & {
  readonly mutant: number;
  /** 0, or the number of another copy of all modules of the package and its tests: the last one is kept. */
  readonly copy: number;
};

/** What came of it. */
export interface Reply {
  /** Time of the processor, which other programs do not lengthen. */
  readonly cpuMs: number;
  /** By place, of the file loaded. */
  readonly names: readonly string[];
  /** Mutants whose places were run, where none is on. */
  readonly reached: readonly number[];
  /** The first test that failed, or the file that could not be loaded, where index is -1. */
  readonly failed?: TestId & { readonly name: string; readonly error: string };
}
