import {
  BOUND_QUOTES_POLICY,
  BOUND_SEV_SNP_POLICY,
  BOUND_TDX_POLICY,
  type BoundQuotesPolicy,
  type BoundSevSnpPolicy,
  type BoundTdxPolicy,
  judgeAzureSevSnp,
  judgeAzureTdx,
  type QuotesPolicy,
  type SevSnpParts,
  type TdxParts,
  VM_CONFIGURATION_POLICY,
  type VmConfigurationPolicy,
} from "@constellation/evidence";
import { blob, object } from "@constellation/fields";
import { type Binding, bound, type Part } from "./part.ts";
import { SEV_SNP_ENDORSEMENT_FIELDS } from "./sev-snp.ts";
import { TDX_FIELDS } from "./tdx.ts";
import { bankQuoteOf, QUOTE_FIELDS, type VtpmEvidence } from "./vtpm.ts";

/** The paravisor's report, and a quote of the virtual TPM that it runs, by the key that the report names. */
interface AzureEvidence extends Pick<VtpmEvidence, "quote" | "signature" | "pcrs" | "eventLog"> {
  readonly hclReport: Uint8Array;
}

/** What is accepted of paravisor and virtual TPM. */
interface AzurePolicy {
  readonly vmConfiguration: VmConfigurationPolicy;
  readonly vtpm: BoundQuotesPolicy;
}

/** Evidence of an Azure machine on SEV-SNP; the hardware's report is inside the paravisor's. */
export interface AzureSevSnpEvidence extends AzureEvidence, Omit<SevSnpParts, "report"> {}

/** Evidence of an Azure machine on TDX. */
export interface AzureTdxEvidence extends AzureEvidence {
  readonly tdx: TdxParts;
}

/** What is accepted of an Azure machine on SEV-SNP. */
export interface AzureSevSnpClusterPolicy extends AzurePolicy {
  readonly sevSnp: BoundSevSnpPolicy;
}

/** What is accepted of an Azure machine on TDX. */
export interface AzureTdxClusterPolicy extends AzurePolicy {
  readonly tdx: BoundTdxPolicy;
}

const EVIDENCE_FIELDS = { hclReport: blob(64 * 1024), ...QUOTE_FIELDS };
const POLICY_FIELDS = { vmConfiguration: VM_CONFIGURATION_POLICY, vtpm: BOUND_QUOTES_POLICY };
/** The hardware reports what the paravisor claims, and those claims name the key that the quote is by. */
const BY_PARAVISOR = { kind: "any", reason: "bound to the paravisor's claims" } as const;

/** An Azure machine on SEV-SNP: bound to the channel by the quote of the virtual TPM that its paravisor runs. */
export const AZURE_SEV_SNP_PART: Part<AzureSevSnpEvidence, AzureSevSnpClusterPolicy> = {
  evidence: object<AzureSevSnpEvidence>({ ...EVIDENCE_FIELDS, ...SEV_SNP_ENDORSEMENT_FIELDS }),
  policy: object<AzureSevSnpClusterPolicy>({ sevSnp: BOUND_SEV_SNP_POLICY, ...POLICY_FIELDS }),
  judge: (evidence, { sevSnp, ...policy }, binding, now) => {
    const parts = { ...evidence, quotes: [bankQuoteOf(evidence)] };
    const report = { ...sevSnp.report, reportData: BY_PARAVISOR };
    return judgeAzureSevSnp(parts, { ...shared(policy, binding), sevSnp: { ...sevSnp, report } }, now);
  },
};

/** An Azure machine on TDX: bound to the channel by the quote of the virtual TPM that its paravisor runs. */
export const AZURE_TDX_PART: Part<AzureTdxEvidence, AzureTdxClusterPolicy> = {
  evidence: object<AzureTdxEvidence>({ ...EVIDENCE_FIELDS, tdx: object<TdxParts>(TDX_FIELDS) }),
  policy: object<AzureTdxClusterPolicy>({ tdx: BOUND_TDX_POLICY, ...POLICY_FIELDS }),
  judge: ({ tdx: hardware, ...evidence }, { tdx, ...policy }, binding, now) => {
    const { hclReport, eventLog } = evidence;
    const parts = { hclReport, eventLog, quotes: [bankQuoteOf(evidence)], ...hardware };
    const quote = { ...tdx.quote, REPORTDATA: BY_PARAVISOR };
    return judgeAzureTdx(parts, { ...shared(policy, binding), tdx: { ...tdx, quote } }, now);
  },
};

function shared(
  { vmConfiguration, vtpm }: AzurePolicy,
  { qualifyingData }: Binding,
): { readonly vmConfiguration: VmConfigurationPolicy; readonly vtpm: QuotesPolicy } {
  return { vmConfiguration, vtpm: { ...vtpm, qualifyingData: bound(qualifyingData) } };
}
