import type { Json } from "@constellation/fields";
import { about, type Check } from "@constellation/verdict";

const { fail } = about("hardware.evidence");

/** What judging one piece of evidence gives: every check with its outcome, and what the evidence says. */
export interface Judgement {
  readonly checks: readonly Check[];
  /** By the specification's names, bytes in hexadecimal. To be believed only where no check failed. */
  readonly claims: { readonly [name: string]: Json };
}

/** The checks in the order of `names`; one that is missing did not run, and so failed. Others follow. */
export function complete(names: readonly string[], checks: readonly Check[]): Check[] {
  const known = names.flatMap((name): Check[] => {
    const done = checks.filter((one) => one.name === name);
    return done.length > 0 ? done : [fail(name, "not_checked", { reason: "a check before it failed" })];
  });
  return [...known, ...checks.filter(({ name }) => !names.includes(name))];
}

/** The same checks under longer names, for evidence with several parts of a kind. */
export function prefixed(prefix: string, checks: readonly Check[]): Check[] {
  return checks.map((done) => ({ ...done, name: `${prefix}.${done.name}` }));
}
