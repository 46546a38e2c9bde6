import { equalConstantTime, hex } from "@constellation/bytes";
import { about, type Aspect, bootAspect } from "@constellation/verdict";
import type { Check, CheckCode } from "./check.ts";
import type { QuotePolicy, ReportDataPolicy } from "./policy.ts";
import type { TdQuote } from "./quote.ts";
import type { TcbAssessment } from "./tcb-assessment.ts";
import type { TdReport } from "./td-report.ts";
import { validateTcb } from "./validate-tcb.ts";
import { validateTdAttributes, validateXfam } from "./validate-td-attributes.ts";

/** What is validated: a quote that `verifyQuote` found genuine, and the TCB status that it found. */
export interface ValidateQuoteInput {
  readonly quote: Pick<TdQuote, "body">;
  readonly tcb: TcbAssessment | undefined;
}

/** Fields that are equal to something or nothing is said about, with the codes of their checks and what they speak for. */
const MEASUREMENTS = {
  MRSEAM: ["mrseam", "hardware.detail"],
  MRSIGNERSEAM: ["mrsignerseam", "hardware.detail"],
  SEAMATTRIBUTES: ["seam_attributes", "hardware.detail"],
  MRTD: ["mrtd", "executables.firmware"],
  MRCONFIGID: ["mrconfigid", "configuration.detail"],
  MROWNER: ["mrowner", "configuration.detail"],
  MROWNERCONFIG: ["mrownerconfig", "configuration.detail"],
  RTMR0: ["rtmr0", "configuration.setting"],
  RTMR1: ["rtmr1", "executables.boot"],
  RTMR2: ["rtmr2", "executables.boot"],
  RTMR3: ["rtmr3", "executables.detail"],
} as const satisfies Partial<Record<keyof TdReport, readonly [CheckCode, Aspect]>>;

type Measurement = keyof typeof MEASUREMENTS;

/**
 * Whether a TD and its platform are acceptable under a policy. Only for a quote that `verifyQuote` found genuine. Each
 * check bears the name of its field; acceptable where none failed. Never throws.
 */
export function validateQuote({ quote: { body }, tcb }: ValidateQuoteInput, policy: QuotePolicy): Check[] {
  const measured = (Object.keys(MEASUREMENTS) as Measurement[]).map((name) => {
    const [code, aspect] = MEASUREMENTS[name];
    const { expectBytes } = about(aspect === "executables.boot" ? bootAspect(body[name]) : aspect);
    return expectBytes(name, code, body[name], policy[name]);
  });
  return [
    ...validateTdAttributes(body, policy.TDATTRIBUTES),
    ...validateXfam(body, policy.XFAM),
    ...measured,
    validateReportData(body.REPORTDATA, policy.REPORTDATA),
    validateServiceTd(body, policy.MRSERVICETD),
    ...validateTcb(tcb, policy.tcb),
  ];
}

const { check, open } = about("instance-identity.binding");

function validateReportData(reportData: Uint8Array, policy: ReportDataPolicy): Check {
  const name = "REPORTDATA";
  const got = hex(reportData);
  switch (policy.kind) {
    case "equal":
      return check(equalConstantTime(reportData, policy.value), name, "report_data", got, hex(policy.value));
    case "prefix": {
      const { prefix } = policy;
      // An empty prefix would be "any" without a reason.
      const holds = prefix.length > 0 && equalConstantTime(reportData.subarray(0, prefix.length), prefix);
      return check(holds, name, "report_data", got, `${hex(prefix)} at the front, 1 to 64 bytes`);
    }
    case "any":
      return open(name, policy.reason, { got });
  }
}

/** Intel TDX Module ABI Specification, TDREPORT 1.5: which service TDs, as a migration TD, may act on this TD. */
function validateServiceTd(body: TdReport, policy: QuotePolicy["MRSERVICETD"]): Check {
  const name = "MRSERVICETD";
  const { expectBytes, fail } = about("configuration.setting");
  if (body.tdxVersion === "1.5") return expectBytes(name, "mrservicetd", body.MRSERVICETD, policy);
  const got = "a TDX 1.0 body, which does not say";
  if (policy.kind === "equal") return fail(name, "mrservicetd", { got, wanted: "a TDX 1.5 body" });
  return about("configuration.detail").open(name, policy.reason, { got });
}
