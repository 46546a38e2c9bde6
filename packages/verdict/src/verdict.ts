import type { Check } from "./check.ts";
import type { TrustTier } from "./trust-claim.ts";
import { trustStatusOf, type TrustVector, trustVectorOf } from "./trust-vector.ts";

/** What judging evidence gives, whatever the kind: the one result type. */
export interface Verdict<Claims extends object = object> {
  /** True where checks were made and none failed. */
  readonly accepted: boolean;
  /** Every check with its outcome. */
  readonly checks: readonly Check[];
  /** What the evidence says, by the names of its specification. To be believed only where the verdict is "accepted". */
  readonly claims: Claims;
  /** What the checks show, in the terms of AR4SI. */
  readonly trustVector: TrustVector;
  /** The same in one word. */
  readonly status: TrustTier;
}

/** The verdict that checks lead to. */
export function verdictOf<Claims extends object>(checks: readonly Check[], claims: Claims): Verdict<Claims> {
  const accepted = checks.length > 0 && checks.every(({ outcome }) => outcome !== "fail");
  const trustVector = trustVectorOf(checks);
  return { accepted, checks, claims, trustVector, status: trustStatusOf(accepted, trustVector) };
}
