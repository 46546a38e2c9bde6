import type { Expectation, Minimum } from "@constellation/verdict";

/** Exactly this. */
export function equal<T>(value: T): Extract<Expectation<T>, { kind: "equal" }> {
  return { kind: "equal", anyOf: [value] };
}

/** This or more. */
export function least<T>(value: T): Minimum<T> {
  return { kind: "minimum", value };
}

/** Open, as the evidence does not say. */
export function notStated(reason: string): { readonly kind: "any"; readonly reason: string } {
  return { kind: "any", reason };
}
