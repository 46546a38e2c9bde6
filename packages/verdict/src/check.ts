import type { Aspect } from "./aspect.ts";

/** What came out of one check. `Code` is the closed set of reasons of a package. */
export type Check<Code extends string = string> = PassedCheck | FailedCheck<Code> | AcceptedCheck;

/** What every check has. */
interface AnyCheck {
  /** Where it looked, with the field names of the specification: `report.policy.debug`. */
  readonly name: string;
  /** The claim on the attester's trustworthiness that it bears on, and how. */
  readonly speaksFor: Aspect;
  readonly got?: string;
  readonly wanted?: string;
}

/** A check that found what it wanted. */
export interface PassedCheck extends AnyCheck {
  readonly outcome: "pass";
}

/** A check that refuses the evidence. */
export interface FailedCheck<Code extends string = string> extends AnyCheck {
  readonly outcome: "fail";
  readonly code: Code;
  readonly reason?: string;
}

/** A check that the policy leaves open on purpose, with the reason it gives. */
export interface AcceptedCheck extends AnyCheck {
  readonly outcome: "accepted-by-choice";
  readonly reason: string;
}
