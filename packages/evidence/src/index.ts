/** Evidence of any kind, judged under total policies. */
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
export { type Case, CASE_KINDS, type CaseKind, parseCase } from "./case/case.ts";
export type { CaseInput } from "./case/input.ts";
export { type CaseVerdict, judgeCase, policyFromCase } from "./case/judge-case.ts";
export { parsePolicyDocument, type PolicyDocument } from "./case/policy-document.ts";
export { EvidenceError, type EvidenceErrorCode } from "./error.ts";
export { type EventLogParts, judgeEventLog } from "./event-log.ts";
export { EvidenceFiles } from "./files.ts";
export type { Judgement } from "./judgement.ts";
export { judgeLaunchPrediction, type LaunchPrediction } from "./launch-digest.ts";
export { BOUND_NITRO_POLICY, type BoundNitroPolicy, judgeNitro, NITRO_POLICY, type NitroPolicy } from "./nitro.ts";
export { pemCertificates } from "./pem.ts";
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
export { showEvidence, type ShownEvidence } from "./show/show.ts";
