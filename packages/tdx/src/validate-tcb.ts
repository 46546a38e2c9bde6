import { about } from "@constellation/verdict";
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
  // Every other status says that Intel knows of something to be mended (Intel PCS API v4, tcbStatus).
  const isCurrent = tcb === undefined || tcb.tcbStatus === "UpToDate";
  const { check, fail, open } = about(isCurrent ? "hardware.firmware" : "hardware.vulnerable");
  const isRevoked = tcb?.tcbStatus === "Revoked";
  if (policy.kind === "any") {
    const wanted = "any but Revoked";
    if (isRevoked) return fail(name, "tcb_status", { got, wanted });
    return open(name, policy.reason, { got, wanted });
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
  const { check, open } = about("hardware.detail");
  if (policy.kind === "any") return open(name, policy.reason, { got });
  const { minimumTcbEvaluationDataNumber: minimum } = policy;
  const wanted = `${minimum} or more`;
  const holds = numbers !== undefined && numbers.tcbInfo >= minimum && numbers.qeIdentity >= minimum;
  return check(holds, name, "tcb_evaluation_data_number", got, wanted);
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
