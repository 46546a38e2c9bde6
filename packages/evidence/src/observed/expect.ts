import type { Expectation, Minimum } from "@constellation/verdict";

/** For what is another in each piece of evidence. */
export const OWN_TO_EACH = { kind: "any", reason: "each piece of evidence has its own" } as const;
/** For what is another on each machine. */
export const OWN_TO_MACHINE = { kind: "any", reason: "each machine has its own" } as const;

/** Exactly what was observed. */
export function equal<T>(value: T): Expectation<T> {
  return { kind: "equal", anyOf: [value] };
}

/** What was observed, or more. */
export function least<T>(value: T): Minimum<T> {
  return { kind: "minimum", value };
}
