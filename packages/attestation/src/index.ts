export { type AppraisalContext, appraise } from "./appraise.ts";
export type { Check, CheckCode, FailedCheck } from "./check.ts";
export {
  type ClusterRegister,
  clusterIdDigest,
  clusterIdPcr,
  clusterRegisterOf,
  freshRegister,
  memberRegister,
} from "./cluster-register.ts";
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
export { CLUSTER_REGISTER, type MachineClaims, machineClaims } from "./platform/machine.ts";
export type { MachinesPolicy } from "./platform/machines.ts";
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
