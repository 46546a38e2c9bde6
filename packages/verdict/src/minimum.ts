import { about } from "./about.ts";
import type { Aspect } from "./aspect.ts";
import type { Check } from "./check.ts";

/** A lower bound of what is accepted, or any value by choice. */
export type Minimum<T> =
  | { readonly kind: "minimum"; readonly value: T }
  | { readonly kind: "any"; readonly reason: string };

/** How values of a type are compared with a lower bound, and shown. */
export interface Scale<T> {
  readonly reaches: (got: T, least: T) => boolean;
  readonly text: (value: T) => string;
}

/** Plain numbers. */
export const NUMBERS: Scale<number> = { reaches: (got, least) => got >= least, text: String };

/** Points in time. */
export const TIMES: Scale<Date> = { reaches: (got, least) => got >= least, text: (value) => value.toISOString() };

/** Judges a value that must reach a lower bound, and speaks for an aspect. */
export function expectMinimum<T, Code extends string>(
  aspect: Aspect,
  name: string,
  code: Code,
  got: T,
  minimum: Minimum<T>,
  { reaches, text }: Scale<T>,
): Check<Code> {
  const { check, open } = about(aspect);
  if (minimum.kind === "any") return open(name, minimum.reason, { got: text(got) });
  return check(reaches(got, minimum.value), name, code, text(got), `${text(minimum.value)} or more`);
}
