import {
  type QuotePolicy,
  readTdAttributes,
  type TcbAssessment,
  TD_ATTRIBUTES,
  type TdAttribute,
  type TdQuote,
} from "@constellation/tdx";
import type { Expectation } from "@constellation/verdict";
import { equal, OWN_TO_EACH } from "./expect.ts";

/**
 * A policy that accepts what a good quote shows: measurements and settings as they are, a TCB of that status at least
 * as recent. The TDX module, which its maker updates, is judged by Intel's collateral.
 */
export function quotePolicyFrom({ body }: TdQuote, tcb: TcbAssessment | undefined): QuotePolicy {
  const { flags } = readTdAttributes(body.TDATTRIBUTES);
  const attributes = TD_ATTRIBUTES.map((name) => [name, equal(flags[name])]);
  return {
    MRSEAM:
      tcb === undefined
        ? equal(body.MRSEAM)
        : { kind: "any", reason: "the TDX module is judged by Intel's collateral" },
    MRSIGNERSEAM: equal(body.MRSIGNERSEAM),
    SEAMATTRIBUTES: equal(body.SEAMATTRIBUTES),
    TDATTRIBUTES: Object.fromEntries(attributes) as Record<TdAttribute, Expectation<boolean>>,
    XFAM: equal(new DataView(body.XFAM.buffer, body.XFAM.byteOffset).getBigUint64(0, true)),
    MRTD: equal(body.MRTD),
    MRCONFIGID: equal(body.MRCONFIGID),
    MROWNER: equal(body.MROWNER),
    MROWNERCONFIG: equal(body.MROWNERCONFIG),
    RTMR0: equal(body.RTMR0),
    RTMR1: equal(body.RTMR1),
    RTMR2: equal(body.RTMR2),
    RTMR3: equal(body.RTMR3),
    REPORTDATA: OWN_TO_EACH,
    MRSERVICETD:
      body.tdxVersion === "1.5" ? equal(body.MRSERVICETD) : { kind: "any", reason: "a TDX 1.0 body does not say" },
    tcb: tcbPolicyFrom(tcb),
  };
}

function tcbPolicyFrom(tcb: TcbAssessment | undefined): QuotePolicy["tcb"] {
  if (tcb === undefined || tcb.tcbStatus === "Revoked") {
    return { kind: "any", reason: "there was no collateral to judge the TCB by" };
  }
  const { tcbInfo, qeIdentity } = tcb.tcbEvaluationDataNumber;
  return {
    kind: "judged",
    acceptedTcbStatuses: [tcb.tcbStatus],
    minimumTcbEvaluationDataNumber: Math.min(tcbInfo, qeIdentity),
  };
}
