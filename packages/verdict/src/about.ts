import { equalConstantTime, hex } from "@constellation/bytes";
import type { Aspect } from "./aspect.ts";
import type { AcceptedCheck, Check, FailedCheck, PassedCheck } from "./check.ts";
import type { Expectation } from "./expectation.ts";

/** What a check found and what it wanted, for people. */
interface Details {
  readonly got?: string;
  readonly wanted?: string;
}

/** Makes checks that speak for one aspect, so that no check is made that speaks for nothing. */
export interface About {
  /** A passed check. */
  pass(this: void, name: string, details?: Details): PassedCheck;
  /** A failed check. */
  fail<Code extends string>(
    this: void,
    name: string,
    code: Code,
    details?: Details & { readonly reason?: string },
  ): FailedCheck<Code>;
  /** A check that the policy leaves open. */
  open(this: void, name: string, reason: string, details?: Details): AcceptedCheck;
  /** Pass or fail by a condition, with what was found and what was wanted. */
  check<Code extends string>(
    this: void,
    holds: boolean,
    name: string,
    code: Code,
    got: string,
    wanted: string,
  ): Check<Code>;
  /** Judges a value that is shown as it is. */
  expectValue<T extends string | number | boolean | bigint, Code extends string>(
    this: void,
    name: string,
    code: Code,
    got: T,
    expected: Expectation<T>,
  ): Check<Code>;
  /** Judges bytes in constant time; shown in hexadecimal. */
  expectBytes<Code extends string>(
    this: void,
    name: string,
    code: Code,
    got: Uint8Array,
    expected: Expectation<Uint8Array>,
  ): Check<Code>;
}

/** There are a few aspects, and many checks. */
const made = new Map<Aspect, About>();

/** Checks that speak for an aspect. */
export function about(speaksFor: Aspect): About {
  const known = made.get(speaksFor) ?? speakFor(speaksFor);
  made.set(speaksFor, known);
  return known;
}

function speakFor(speaksFor: Aspect): About {
  const pass: About["pass"] = (name, details = {}) => ({ name, outcome: "pass", speaksFor, ...details });
  const fail: About["fail"] = (name, code, details = {}) => ({ name, outcome: "fail", speaksFor, code, ...details });
  const open: About["open"] = (name, reason, details = {}) => {
    return { name, outcome: "accepted-by-choice", speaksFor, wanted: "any", reason, ...details };
  };
  const check: About["check"] = (holds, name, code, got, wanted) => {
    if (holds) return { name, outcome: "pass", speaksFor, got, wanted };
    return { name, outcome: "fail", speaksFor, code, got, wanted };
  };
  const expectValue: About["expectValue"] = (name, code, got, expected) => {
    if (expected.kind === "any") return open(name, expected.reason, { got: String(got) });
    return check(expected.anyOf.includes(got), name, code, String(got), oneOf(expected.anyOf.map(String)));
  };
  const expectBytes: About["expectBytes"] = (name, code, got, expected) => {
    if (expected.kind === "any") return open(name, expected.reason, { got: hex(got) });
    const holds = expected.anyOf.filter((wanted) => equalConstantTime(wanted, got)).length > 0;
    return check(holds, name, code, hex(got), oneOf(expected.anyOf.map(hex)));
  };
  return { pass, fail, open, check, expectValue, expectBytes };
}

function oneOf(values: readonly string[]): string {
  return values.length === 0 ? "none, the list is empty" : values.join(" or ");
}
