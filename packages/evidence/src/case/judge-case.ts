import { EvidenceError } from "../error.ts";
import { type Verdict, verdictOf } from "@constellation/verdict";
import type { Judgement } from "../judgement.ts";
import { policyIdOf } from "../policy-id.ts";
import type { CaseInput } from "./input.ts";
import { JUDGES } from "./kinds.ts";
import type { PolicyDocument } from "./policy-document.ts";

/** What judging a case gives. */
export interface CaseVerdict extends Verdict<Judgement["claims"]> {
  /** Names the policy that it was judged by, the case's own or another; undefined for kinds that have none. */
  readonly policyId: string | undefined;
}

/**
 * Judges a case by a policy, or by its own; what its own leaves out is accepted by choice, and shown. Bad evidence is
 * refused and does not throw.
 * @throws EvidenceError `file_missing`, `file_malformed` or `policy_malformed`
 */
export function judgeCase(input: CaseInput, policy?: PolicyDocument): CaseVerdict {
  const { kind } = input.case;
  if (policy !== undefined && policy.kind !== kind) {
    throw new EvidenceError("policy_malformed", `Read policy failed: kind: got "${policy.kind}", wanted "${kind}"`);
  }
  const judged = JUDGES[kind](input, clockOf(input), policy?.policy);
  const document: PolicyDocument | undefined =
    judged.policy === undefined ? undefined : { schema: 1, kind, policy: judged.policy };
  return { ...verdictOf(judged.checks, judged.claims), policyId: document && policyIdOf(document) };
}

/** The clock that a case states; any where nothing depends on it. */
export function clockOf({ case: { verifyTime } }: CaseInput): Date {
  return verifyTime ?? new Date(0);
}
