import type { CrlPolicy, CrlUpdates } from "@constellation/tdx";
import type { Expectation } from "@constellation/verdict";
import type { AzureJudgement, VmConfigurationPolicy } from "../azure.ts";
import { equal, least } from "../observed/expect.ts";
import { quotePolicyFrom } from "../observed/quote-policy.ts";
import { quotesPolicyFrom } from "../observed/quotes-policy.ts";
import { reportPolicyFrom } from "../observed/report-policy.ts";
import type { SevSnpJudgement, SevSnpPolicy } from "../sev-snp.ts";
import type { TdxJudgement, TdxPolicy } from "../tdx.ts";
import type { BankQuote, QuotesPolicy } from "../vtpm.ts";

/** The policy that accepts a genuine report. */
export function observedSevSnp(
  { genuine, crlUpdate }: SevSnpJudgement,
  policy: SevSnpPolicy,
): SevSnpPolicy | undefined {
  if (genuine === undefined) return undefined;
  const { report, endorsement } = genuine;
  const { cspId, product } = endorsement;
  return {
    ...policy,
    ...(crlUpdate && { revocation: { kind: "required", thisUpdate: least(crlUpdate) } }),
    cspId: cspId === undefined ? { kind: "absent" } : equal(cspId),
    report: reportPolicyFrom(report, product),
  };
}

/** The policy that accepts a quote. */
export function observedTdx({ quote, tcb, crlUpdates }: TdxJudgement, policy: TdxPolicy): TdxPolicy | undefined {
  return (
    quote && {
      ...policy,
      ...(crlUpdates && { collateral: { kind: "required", thisUpdate: crlPolicyFrom(crlUpdates) } }),
      quote: quotePolicyFrom(quote, tcb),
    }
  );
}

function crlPolicyFrom({ rootCaCrl, pckCrl }: CrlUpdates): CrlPolicy {
  return { rootCaCrl: least(rootCaCrl), pckCrl: least(pckCrl) };
}

/** The policy that accepts what an Azure machine has beside the evidence of its hardware. */
export function observedAzure(
  { quotes }: { readonly quotes: readonly BankQuote[] },
  { vtpm }: { readonly vtpm: QuotesPolicy },
  vmConfiguration: AzureJudgement["vmConfiguration"],
): { vmConfiguration: VmConfigurationPolicy; vtpm: QuotesPolicy } {
  const stated = (name: string): Expectation<boolean> => {
    const value = vmConfiguration?.[name];
    return typeof value === "boolean" ? equal(value) : { kind: "any", reason: "the paravisor does not state it" };
  };
  return {
    vmConfiguration: {
      secureBoot: stated("secure-boot"),
      tpmEnabled: stated("tpm-enabled"),
      consoleEnabled: stated("console-enabled"),
    },
    vtpm: quotesPolicyFrom(quotes, vtpm.eventLog),
  };
}
