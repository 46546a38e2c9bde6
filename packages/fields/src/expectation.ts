import type { Expectation, Minimum } from "@constellation/verdict";
import { choice, type Field, list, REASON } from "./field.ts";

/** An expectation about one value. */
export function expectation<T>(item: Field<T>): Field<Expectation<T>> {
  return choice<Expectation<T>>({ equal: { anyOf: list(item) }, any: { reason: REASON } });
}

/** A lower bound of one value. */
export function minimum<T>(item: Field<T>): Field<Minimum<T>> {
  return choice<Minimum<T>>({ minimum: { value: item }, any: { reason: REASON } });
}
