import type { Check } from "./check.ts";
import { TRUST_CLAIMS, type TrustClaim, type TrustTier, type TrustValue } from "./trust-claim.ts";
import type { Verdict } from "./verdict.ts";

/** Who judged (AR4SI, section 3.3). */
export interface VerifierId {
  /** Who made the program. */
  readonly developer: string;
  /** The program, with its version. */
  readonly build: string;
}

/** An attester that was judged. */
export interface JudgedAttester {
  readonly verdict: Verdict;
  /** What names the policy that it was judged by; undefined for evidence of kinds that have none. */
  readonly policyId: string | undefined;
  /** Whose word the verdict rests on, where that is known by more than the kind of evidence. */
  readonly trust?: readonly string[];
}

/** One attester in an EAR. */
export interface EarAppraisal {
  readonly "ear.status": TrustTier;
  readonly "ear.trustworthiness-vector": { readonly [C in TrustClaim]: TrustValue };
  readonly "ear.appraisal-policy-id"?: string;
  /** This verifier's own: the verdict that the vector is made of. */
  readonly "urn:constellation:appraisal": {
    readonly accepted: boolean;
    readonly trust?: readonly string[];
    readonly checks: readonly Check[];
    readonly claims: object;
  };
}

/** The claims set of an EAT attestation result, unsigned. */
export interface Ear {
  readonly eat_profile: typeof EAR_PROFILE;
  /** When it was issued, in seconds since 1970. */
  readonly iat: number;
  readonly "ear.verifier-id": VerifierId;
  readonly submods: Readonly<Record<string, EarAppraisal>>;
}

/** The profile that fixes the names of the claims (draft-fv-rats-ear-05, section 3). Later drafts have other names and profiles. */
const EAR_PROFILE = "tag:github.com,2023:veraison/ear";

/** Verdicts as the claims set of an EAR, with a submodule for each attester by its label. */
export function earOf(
  verifierId: VerifierId,
  issuedAt: Date,
  attesters: Readonly<Record<string, JudgedAttester>>,
): Ear {
  const submods = Object.entries(attesters).map(([label, attester]) => [label, appraisalOf(attester)]);
  return {
    eat_profile: EAR_PROFILE,
    iat: Math.floor(issuedAt.getTime() / 1000),
    "ear.verifier-id": verifierId,
    submods: Object.fromEntries(submods) as Ear["submods"],
  };
}

function appraisalOf({ verdict, policyId, trust }: JudgedAttester): EarAppraisal {
  const { status, trustVector, accepted, checks, claims } = verdict;
  const values = TRUST_CLAIMS.map((claim) => [claim, trustVector[claim].value]);
  return {
    "ear.status": status,
    "ear.trustworthiness-vector": Object.fromEntries(values) as EarAppraisal["ear.trustworthiness-vector"],
    ...(policyId !== undefined && { "ear.appraisal-policy-id": policyId }),
    "urn:constellation:appraisal": { accepted, ...(trust && { trust }), checks, claims },
  };
}
