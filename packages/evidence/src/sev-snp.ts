import { choice, type Field, list, object, REASON } from "@constellation/fields";
import {
  claimsOf,
  type Product,
  type Report,
  type ReportPolicy,
  type Revocation,
  validateReport,
  verifyReport,
} from "@constellation/sev-snp";
import type { Judgement } from "./judgement.ts";
import { rootsOf } from "./pem.ts";
import { ROOT } from "./policy/roots.ts";
import { BOUND_REPORT_POLICY, type BoundReportPolicy, SEV_SNP_REPORT_POLICY } from "./policy/sev-snp.ts";

/** Evidence of an SEV-SNP guest. */
export interface SevSnpParts {
  /** ATTESTATION_REPORT. */
  readonly report: Uint8Array;
  /** VCEK or VLEK, DER. */
  readonly endorsementCert: Uint8Array;
  /** ASK or ASVK, DER. */
  readonly caChain: readonly Uint8Array[];
  /** CRLs of AMD's roots, DER. */
  readonly crls: readonly Uint8Array[];
}

/** What is accepted of an SEV-SNP guest. Total: every field is stated. */
export interface SevSnpPolicy {
  /** PEM certificates of AMD's root keys (ARK). An empty list trusts nobody. */
  readonly roots: readonly string[];
  /** Whether AMD's CRL is asked for. */
  readonly revocation: { readonly kind: "required" } | { readonly kind: "any"; readonly reason: string };
  readonly report: ReportPolicy;
}

const ISSUER_FIELDS = {
  roots: list(ROOT),
  revocation: choice<SevSnpPolicy["revocation"]>({ required: {}, any: { reason: REASON } }),
};

/** {@link SevSnpPolicy} as a document. */
export const SEV_SNP_POLICY: Field<SevSnpPolicy> = object<SevSnpPolicy>({
  ...ISSUER_FIELDS,
  report: SEV_SNP_REPORT_POLICY,
});

/** What is accepted of a guest whose report data is bound to something else, as a channel. */
export interface BoundSevSnpPolicy extends Omit<SevSnpPolicy, "report"> {
  readonly report: BoundReportPolicy;
}

/** {@link BoundSevSnpPolicy} as a document. */
export const BOUND_SEV_SNP_POLICY: Field<BoundSevSnpPolicy> = object<BoundSevSnpPolicy>({
  ...ISSUER_FIELDS,
  report: BOUND_REPORT_POLICY,
});

/** What judging a report gives. */
export interface SevSnpJudgement extends Judgement {
  /** The report, where AMD's hardware made it. */
  readonly genuine?: { readonly report: Report; readonly product: Product };
}

/** Judges a report: whether AMD's hardware made it, then whether the guest is acceptable. */
export function judgeSevSnp(parts: SevSnpParts, policy: SevSnpPolicy, now: Date): SevSnpJudgement {
  const verified = verifyReport({
    report: parts.report,
    endorsementCert: parts.endorsementCert,
    caChain: parts.caChain,
    roots: rootsOf(policy.roots),
    now,
    revocation: revocationOf(parts, policy),
  });
  if (!verified.genuine) return { checks: verified.checks, claims: {} };
  const { report, endorsement } = verified;
  const validated = validateReport(report, endorsement.product, policy.report);
  return {
    checks: [...verified.checks, ...validated],
    // JSON as they are: no big integer, no date, nothing undefined.
    claims: claimsOf(report, endorsement.product) as unknown as Judgement["claims"],
    genuine: { report, product: endorsement.product },
  };
}

function revocationOf({ crls }: SevSnpParts, { revocation }: SevSnpPolicy): Revocation {
  return revocation.kind === "required" ? { kind: "crls", crls } : { kind: "unchecked", reason: revocation.reason };
}
