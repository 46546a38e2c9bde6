import type { Minimum } from "@constellation/verdict";

/** When a CRL was issued at the earliest (its thisUpdate); without a date it may be as old as it is valid. */
export function crlRule(field: string, least: Date | undefined): Minimum<Date> {
  if (least !== undefined) return { kind: "minimum", value: least };
  return { kind: "any", reason: `${field} is not in the configuration: a list counts until its own nextUpdate` };
}
