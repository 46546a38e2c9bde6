import type { Json } from "@constellation/fields";
import { EvidenceError } from "../error.ts";
import type { Judgement } from "../judgement.ts";
import { documentPolicyFrom } from "../observed/document-policy.ts";
import { quotesPolicyFrom } from "../observed/quotes-policy.ts";
import type { CaseKind } from "./case.ts";
import type { CaseInput } from "./input.ts";
import { clockOf } from "./judge-case.ts";
import { AZURE_SEV_SNP, AZURE_TDX, type KindWithPolicy, NITRO, SEV_SNP, TDX, TPM_QUOTE } from "./kinds.ts";
import { observedAzure, observedSevSnp, observedTdx } from "./observed.ts";
import type { PolicyDocument } from "./policy-document.ts";

/** A policy that accepts what a case's evidence shows; undefined where it is not accepted itself. */
type Observer = (input: CaseInput, now: Date) => Json | undefined;

/** `observed` gives the policy that accepts what was judged. It is only called where no check failed. */
function observing<Parts, Policy extends object, Judged extends Judgement>(
  { field, partsOf, policyOf, judge }: KindWithPolicy<Parts, Policy, Judged>,
  observed: (judged: Judged, policy: Policy, parts: Parts) => Policy | undefined,
): Observer {
  return (input, now) => {
    const parts = partsOf(input);
    const policy = policyOf(input);
    const judged = judge(parts, policy, now);
    if (judged.checks.some(({ outcome }) => outcome === "fail")) return undefined;
    const found = observed(judged, policy, parts);
    return found && field.write(found);
  };
}

/** By kind; those without a policy to state are left out. */
const OBSERVERS: Readonly<Partial<Record<CaseKind, Observer>>> = {
  "sev-snp": observing(SEV_SNP, observedSevSnp),
  tdx: observing(TDX, observedTdx),
  "azure-sev-snp": observing(AZURE_SEV_SNP, ({ sevSnp: judged, vmConfiguration }, policy, parts) => {
    const sevSnp = observedSevSnp(judged, policy.sevSnp);
    return sevSnp && { sevSnp, ...observedAzure(parts, policy, vmConfiguration) };
  }),
  "azure-tdx": observing(AZURE_TDX, ({ tdx: judged, vmConfiguration }, policy, parts) => {
    const tdx = observedTdx(judged, policy.tdx);
    return tdx && { tdx, ...observedAzure(parts, policy, vmConfiguration) };
  }),
  "tpm-quote": observing(TPM_QUOTE, (_judged, policy, { quotes }) => {
    return { ...quotesPolicyFrom(quotes, policy.eventLog), akCertificate: policy.akCertificate };
  }),
  nitro: observing(NITRO, ({ genuine }, { roots }) => genuine && { roots, document: documentPolicyFrom(genuine) }),
};

/**
 * A total policy that accepts the evidence of a good case: what must not differ is as it is there, and what may is left
 * open with the reason.
 * @throws EvidenceError `not_accepted` where the case itself is refused, `no_policy` for kinds without one
 */
export function policyFromCase(input: CaseInput): PolicyDocument {
  const { kind } = input.case;
  const observe = OBSERVERS[kind];
  if (observe === undefined) {
    throw new EvidenceError("no_policy", `Write policy failed: evidence of kind "${kind}" has no policy`);
  }
  const policy = observe(input, clockOf(input));
  if (policy !== undefined) return { schema: 1, kind, policy };
  throw new EvidenceError("not_accepted", "Write policy failed: the case is refused, wanted one that is accepted");
}
