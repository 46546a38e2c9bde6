/**
 * Evidence of any kind, judged under total policies. Beside it are `@constellation/evidence/case` for case folders,
 * `@constellation/evidence/show`, which tells what a file says, and `@constellation/evidence/policy-from-case`.
 */
export {
  AZURE_SEV_SNP_POLICY,
  AZURE_TDX_POLICY,
  type AzureSevSnpParts,
  type AzureSevSnpPolicy,
  type AzureTdxParts,
  type AzureTdxPolicy,
  judgeAzureSevSnp,
  judgeAzureTdx,
  VM_CONFIGURATION_POLICY,
  type VmConfigurationPolicy,
} from "./azure.ts";
export { EvidenceError, type EvidenceErrorCode } from "./error.ts";
export { type EventLogParts, judgeEventLog } from "./event-log.ts";
export { EvidenceFiles } from "./files.ts";
export type { Judgement } from "./judgement.ts";
export { judgeLaunchPrediction, type LaunchPrediction } from "./launch-digest.ts";
export { BOUND_NITRO_POLICY, type BoundNitroPolicy, judgeNitro, NITRO_POLICY, type NitroPolicy } from "./nitro.ts";
export { pemCertificates } from "./pem.ts";
export type { BoundDocumentPolicy } from "./policy/nitro.ts";
export type { BoundReportPolicy } from "./policy/sev-snp.ts";
export type { BoundQuotePolicy } from "./policy/tdx.ts";
export { policyIdOf } from "./policy-id.ts";
export {
  BOUND_SEV_SNP_POLICY,
  type BoundSevSnpPolicy,
  judgeSevSnp,
  SEV_SNP_POLICY,
  type SevSnpParts,
  type SevSnpPolicy,
} from "./sev-snp.ts";
export { BOUND_TDX_POLICY, type BoundTdxPolicy, judgeTdx, TDX_POLICY, type TdxParts, type TdxPolicy } from "./tdx.ts";
export {
  type BankQuote,
  BOUND_QUOTES_POLICY,
  BOUND_VTPM_POLICY,
  type BoundQuotesPolicy,
  type BoundVtpmPolicy,
  judgeVtpm,
  type QuotesPolicy,
  VTPM_POLICY,
  type VtpmParts,
  type VtpmPolicy,
} from "./vtpm.ts";
