/** What came out of judging evidence: checks, what they speak for, and the verdict as people and programs read it. */
export { type About, about } from "./about.ts";
export { ALL_ASPECTS, type Aspect, claimOf } from "./aspect.ts";
export type { AcceptedCheck, Check, FailedCheck, PassedCheck } from "./check.ts";
export { type Ear, earOf, type JudgedAttester } from "./ear.ts";
export type { Expectation } from "./expectation.ts";
export { expectMinimum, type Minimum, NUMBERS, type Scale, TIMES } from "./minimum.ts";
export { BOOT_PCRS, bootAspect, pcrAspect } from "./pcr-aspect.ts";
export { TRUST_CLAIMS, TRUST_VALUES, type TrustClaim, type TrustTier, tierOf } from "./trust-claim.ts";
export { describeTrustVector, type TrustVector } from "./trust-vector.ts";
export { type Verdict, verdictOf } from "./verdict.ts";
