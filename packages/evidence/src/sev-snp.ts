import { choice, type Field, list, minimum, object, REASON, text, TIME } from "@constellation/fields";
import {
  claimsOf,
  type CspIdExpectation,
  type Endorsement,
  newestCrlUpdate,
  type Report,
  type ReportPolicy,
  type Revocation,
  validateCrlAge,
  validateCspId,
  validateReport,
  verifyReport,
} from "@constellation/sev-snp";
import type { Minimum } from "@constellation/verdict";
import type { Certificate } from "@constellation/x509";
import type { Judgement } from "./judgement.ts";
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
  /** Certificates of AMD's root keys (ARK). An empty list trusts nobody. */
  readonly roots: readonly Certificate[];
  /** Whether AMD's CRL is asked for, and how recent it must be. */
  readonly revocation:
    | { readonly kind: "required"; readonly thisUpdate: Minimum<Date> }
    | { readonly kind: "any"; readonly reason: string };
  /** Of which providers VLEKs may be. */
  readonly cspId: CspIdExpectation;
  readonly report: ReportPolicy;
}

const CSP_ID = text(/^[\x20-\x7e]{1,128}$/, "1 to 128 printable ASCII characters");

const ISSUER_FIELDS = {
  roots: list(ROOT),
  revocation: choice<SevSnpPolicy["revocation"]>({
    required: { thisUpdate: minimum(TIME) },
    any: { reason: REASON },
  }),
  cspId: choice<CspIdExpectation>({ equal: { anyOf: list(CSP_ID) }, absent: {}, any: { reason: REASON } }),
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
  readonly genuine?: { readonly report: Report; readonly endorsement: Endorsement };
  /** When AMD's CRL was issued, where one is required and genuine. */
  readonly crlUpdate?: Date;
}

/** Judges a report: whether AMD's hardware made it, then whether the guest is acceptable. */
export function judgeSevSnp(parts: SevSnpParts, policy: SevSnpPolicy, now: Date): SevSnpJudgement {
  const verified = verifyReport({
    report: parts.report,
    endorsementCert: parts.endorsementCert,
    caChain: parts.caChain,
    roots: policy.roots,
    now,
    revocation: revocationOf(parts, policy),
  });
  if (!verified.genuine) return { checks: verified.checks, claims: {} };
  const { report, endorsement, chain } = verified;
  const { checks: crlChecks, ...crls } = judgeCrls(parts, chain, policy);
  return {
    checks: [
      ...verified.checks,
      ...crlChecks,
      validateCspId(endorsement, policy.cspId),
      ...validateReport(report, endorsement.product, policy.report),
    ],
    // JSON as they are: no big integer, no date, nothing undefined.
    claims: claimsOf(report, endorsement.product) as unknown as Judgement["claims"],
    genuine: { report, endorsement },
    ...crls,
  };
}

function judgeCrls(
  { crls }: SevSnpParts,
  chain: readonly Certificate[],
  { revocation }: SevSnpPolicy,
): Pick<SevSnpJudgement, "checks" | "crlUpdate"> {
  if (revocation.kind === "any") return { checks: [] };
  const crlUpdate = newestCrlUpdate(crls, chain);
  return { checks: [validateCrlAge(crlUpdate, revocation.thisUpdate)], crlUpdate };
}

function revocationOf({ crls }: SevSnpParts, { revocation }: SevSnpPolicy): Revocation {
  return revocation.kind === "required" ? { kind: "crls", crls } : { kind: "unchecked", reason: revocation.reason };
}
