import { equalConstantTime, hex } from "@constellation/bytes";
import { type Check, check } from "./check.ts";

/** What is accepted of one value. Policies are total: what is left open is left open by choice, with a reason. */
export type Expectation<T> =
  /** One of these. An empty list accepts nothing. */
  { readonly kind: "equal"; readonly anyOf: readonly T[] } | { readonly kind: "any"; readonly reason: string };

/** Judges a value that is shown as it is. */
export function expectValue<T extends string | number | boolean | bigint, Code extends string>(
  name: string,
  code: Code,
  got: T,
  expected: Expectation<T>,
): Check<Code> {
  if (expected.kind === "any") return open(name, String(got), expected.reason);
  return check(expected.anyOf.includes(got), name, code, String(got), oneOf(expected.anyOf.map(String)));
}

/** Judges bytes in constant time; shown in hexadecimal. */
export function expectBytes<Code extends string>(
  name: string,
  code: Code,
  got: Uint8Array,
  expected: Expectation<Uint8Array>,
): Check<Code> {
  if (expected.kind === "any") return open(name, hex(got), expected.reason);
  const holds = expected.anyOf.filter((wanted) => equalConstantTime(wanted, got)).length > 0;
  return check(holds, name, code, hex(got), oneOf(expected.anyOf.map(hex)));
}

function open(name: string, got: string, reason: string): Check<never> {
  return { name, outcome: "accepted-by-choice", got, wanted: "any", reason };
}

function oneOf(values: readonly string[]): string {
  return values.length === 0 ? "none, the list is empty" : values.join(" or ");
}
