/** What came out of one check. `Code` is the closed set of reasons of a package. */
export type Check<Code extends string = string> = PassedCheck | FailedCheck<Code> | AcceptedCheck;

/** A check that found what it wanted. */
export interface PassedCheck {
  /** Where it looked, with the field names of the specification: `report.policy.debug`. */
  readonly name: string;
  readonly outcome: "pass";
  readonly got?: string;
  readonly wanted?: string;
}

/** A check that refuses the evidence. */
export interface FailedCheck<Code extends string = string> {
  readonly name: string;
  readonly outcome: "fail";
  readonly code: Code;
  readonly got?: string;
  readonly wanted?: string;
  readonly reason?: string;
}

/** A check that the policy leaves open on purpose, with the reason it gives. */
export interface AcceptedCheck {
  readonly name: string;
  readonly outcome: "accepted-by-choice";
  readonly got?: string;
  readonly wanted?: string;
  readonly reason: string;
}

/** A passed check. */
export function pass(name: string, details: { got?: string; wanted?: string } = {}): PassedCheck {
  return { name, outcome: "pass", ...details };
}

/** A failed check. */
export function fail<Code extends string>(
  name: string,
  code: Code,
  details: { got?: string; wanted?: string; reason?: string } = {},
): FailedCheck<Code> {
  return { name, outcome: "fail", code, ...details };
}

/** Pass or fail by a condition, with what was found and what was wanted. */
export function check<Code extends string>(
  holds: boolean,
  name: string,
  code: Code,
  got: string,
  wanted: string,
): Check<Code> {
  return holds ? pass(name, { got, wanted }) : fail(name, code, { got, wanted });
}
