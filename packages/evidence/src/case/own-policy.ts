import type { AzureSevSnpPolicy } from "../azure.ts";
import { rootsOf } from "../pem.ts";
import { openVmConfigurationPolicy } from "../policy/open.ts";
import type { SevSnpPolicy } from "../sev-snp.ts";
import type { TdxPolicy } from "../tdx.ts";
import type { VtpmPolicy } from "../vtpm.ts";
import { NOT_ASKED, parseCasePolicy, quotePolicyOf, quotesPolicyOf, reportPolicyOf } from "./case-policy.ts";
import type { CaseInput } from "./input.ts";
import { hasCollateral, tpmQuoteParts } from "./parts.ts";

/** The case's policy for a report; a CRL that is there is asked for. */
export function sevSnpPolicy({ case: subject, files, roots }: CaseInput): SevSnpPolicy {
  const report = reportPolicyOf(parseCasePolicy(subject));
  const revocation = files.has("crl") ? ({ kind: "required", thisUpdate: NOT_ASKED } as const) : NOT_ASKED;
  return { roots: rootsOf(roots), revocation, cspId: NOT_ASKED, report };
}

/** The case's policy for a quote; collateral that is there is judged unless the case says not to. */
export function tdxPolicy({ case: subject, files, roots }: CaseInput): TdxPolicy {
  const entries = parseCasePolicy(subject);
  const asked = entries.collateral === "required" || (entries.collateral === undefined && hasCollateral(files));
  return {
    roots: rootsOf(roots),
    collateral: asked ? { kind: "required", thisUpdate: { rootCaCrl: NOT_ASKED, pckCrl: NOT_ASKED } } : NOT_ASKED,
    ccel: NOT_ASKED,
    quote: quotePolicyOf(entries),
  };
}

/** The case's policy for what Azure machines have beside the evidence of their hardware. */
export function azurePolicy({ case: subject }: CaseInput): Pick<AzureSevSnpPolicy, "vmConfiguration" | "vtpm"> {
  const vtpm = quotesPolicyOf(parseCasePolicy(subject));
  return { vmConfiguration: openVmConfigurationPolicy(NOT_ASKED), vtpm };
}

const BOUND_ELSEWHERE = { kind: "any", reason: "bound to the paravisor's claims: see hcl.reportData" } as const;

/** The case's policy for the report inside an Azure machine's evidence. */
export function azureSevSnpPolicy(input: CaseInput): SevSnpPolicy {
  const policy = sevSnpPolicy(input);
  return { ...policy, report: { ...policy.report, reportData: BOUND_ELSEWHERE } };
}

/** The case's policy for the quote inside an Azure machine's evidence. */
export function azureTdxPolicy(input: CaseInput): TdxPolicy {
  const policy = tdxPolicy(input);
  return { ...policy, quote: { ...policy.quote, REPORTDATA: BOUND_ELSEWHERE } };
}

/** Registers that firmware extends, and that its log has to explain in full (PC Client Platform Firmware Profile, 3.3.4). */
const FIRMWARE_REGISTERS = [0, 1, 2, 3, 4, 5, 6, 7];

/** The case's policy for a TPM; log and certificate that are there are judged. A log explains what is quoted. */
export function tpmQuotePolicy(input: CaseInput): VtpmPolicy {
  const { case: subject, files, roots } = input;
  const { quotes } = tpmQuoteParts(input);
  const explained = FIRMWARE_REGISTERS.filter((index) => quotes.every(({ pcrs }) => pcrs.has(index)));
  return {
    ...quotesPolicyOf(parseCasePolicy(subject)),
    eventLog: files.has("eventlog") ? { kind: "required", explained } : NOT_ASKED,
    akCertificate: files.has("ak_cert") ? { kind: "required", roots: rootsOf(roots) } : NOT_ASKED,
  };
}
