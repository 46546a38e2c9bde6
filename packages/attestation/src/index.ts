export { type AppraisalContext, appraise } from "./appraise.ts";
export type { Check, CheckCode, FailedCheck } from "./check.ts";
export { clusterIdPcr } from "./cluster-id-pcr.ts";
export { AttestationError, type AttestationErrorCode, type PolicyFinding } from "./error.ts";
export {
  type Evidence,
  MAX_EVIDENCE_BYTES,
  parseEvidence,
  type QemuVtpmEvidence,
  serializeEvidence,
} from "./evidence.ts";
export { formatVerdict } from "./format-verdict.ts";
export { checkPolicy, parsePolicy } from "./parse-policy.ts";
export { PCR_INDICES, type PcrIndex } from "./pcr-index.ts";
export {
  PLATFORM_VARIANTS,
  type PlatformEvidence,
  type PlatformPolicy,
  type PlatformVariant,
} from "./platform/variants.ts";
export {
  type EndorsementPolicy,
  type PcrPolicy,
  type Policy,
  policyId,
  type QemuVtpmPolicy,
  serializePolicy,
} from "./policy.ts";
export { type Claims, requireAccepted, type Verdict } from "./verdict.ts";
