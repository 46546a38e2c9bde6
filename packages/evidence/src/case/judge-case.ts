import { EvidenceError } from "../error.ts";
import type { Judgement } from "../judgement.ts";
import type { CaseInput } from "./input.ts";
import { JUDGES } from "./kinds.ts";
import type { PolicyDocument } from "./policy-document.ts";

/**
 * Judges a case by a policy, or by its own; what its own leaves out is accepted by choice, and shown. Bad evidence is
 * refused and does not throw.
 * @throws EvidenceError `file_missing`, `file_malformed` or `policy_malformed`
 */
export function judgeCase(input: CaseInput, policy?: PolicyDocument): Judgement {
  const { kind } = input.case;
  if (policy !== undefined && policy.kind !== kind) {
    throw new EvidenceError("policy_malformed", `Read policy failed: kind: got "${policy.kind}", wanted "${kind}"`);
  }
  return JUDGES[kind](input, clockOf(input), policy?.policy);
}

/** The clock that a case states; any where nothing depends on it. */
export function clockOf({ case: { verifyTime } }: CaseInput): Date {
  return verifyTime ?? new Date(0);
}
