import { check, fail, pass } from "@constellation/verdict";
import type { Check } from "./check.ts";
import type { TcbPolicy } from "./policy.ts";
import type { TcbAssessment, TcbPart } from "./tcb-assessment.ts";

/** Validates how up to date a platform is. Without an assessment, only a policy that accepts any passes. */
export function validateTcb(tcb: TcbAssessment | undefined, policy: TcbPolicy): Check[] {
  return [validateStatus(tcb, policy), validateEvaluationDataNumber(tcb, policy)];
}

function validateStatus(tcb: TcbAssessment | undefined, policy: TcbPolicy): Check {
  const name = "tcb.tcbStatus";
  const got = tcb === undefined ? "not judged" : describe(tcb);
  const isRevoked = tcb?.tcbStatus === "Revoked";
  if (policy.kind === "any") {
    const wanted = "any but Revoked";
    if (isRevoked) return fail(name, "tcb_status", { got, wanted });
    return { name, outcome: "accepted-by-choice", got, wanted, reason: policy.reason };
  }
  const accepted: readonly string[] = policy.acceptedTcbStatuses;
  const holds = tcb !== undefined && !isRevoked && accepted.includes(tcb.tcbStatus);
  return check(holds, name, "tcb_status", got, accepted.join(" or ") || "none, the list is empty");
}

/** A low number is collateral from before a TCB recovery: it knows nothing of what was found since. */
function validateEvaluationDataNumber(tcb: TcbAssessment | undefined, policy: TcbPolicy): Check {
  const name = "tcb.tcbEvaluationDataNumber";
  const numbers = tcb?.tcbEvaluationDataNumber;
  const got = numbers === undefined ? "not judged" : `TCB info ${numbers.tcbInfo}, QE identity ${numbers.qeIdentity}`;
  if (policy.kind === "any") {
    return { name, outcome: "accepted-by-choice", got, wanted: "any", reason: policy.reason };
  }
  const { minimumTcbEvaluationDataNumber: minimum } = policy;
  const wanted = `${minimum} or more`;
  const holds = numbers !== undefined && numbers.tcbInfo >= minimum && numbers.qeIdentity >= minimum;
  return holds ? pass(name, { got, wanted }) : fail(name, "tcb_evaluation_data_number", { got, wanted });
}

function describe({ tcbStatus, platform, tdxModule, qe, relaunchAdvised }: TcbAssessment): string {
  const parts: [string, TcbPart | undefined][] = [
    ["platform", platform],
    ["TDX module", tdxModule],
    ["QE", qe],
  ];
  const behind = parts.flatMap(([name, part]) =>
    (part?.lagging ?? []).map(({ component, got, wanted }) => `${name} ${component} ${got} of ${wanted}`),
  );
  const notes = [...behind, ...(relaunchAdvised ? ["a relaunch of the TD would mend it"] : [])];
  return [tcbStatus, ...notes].join(", ");
}
