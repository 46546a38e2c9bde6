import type { Vectors } from "./vectors.ts";

/** A parser under test. */
export interface Target {
  /** The package, a dot, and what is parsed: also the name of the corpus. */
  readonly name: string;
  /** Parses whatever the bytes are; what it gives is not looked at. */
  readonly parse: (bytes: Uint8Array) => unknown;
  /** The one error that may come out: the class that the parser's package throws. */
  readonly error: ErrorClass;
  /** Real inputs to start from. */
  readonly seeds: (vectors: Vectors) => readonly Uint8Array[];
}

/** A class of errors. */
export type ErrorClass = new (...parameters: never[]) => Error;
