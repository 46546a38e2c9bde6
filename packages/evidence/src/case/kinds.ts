import { type Field, findingsText, type Json, readValue } from "@constellation/fields";
import { AZURE_SEV_SNP_POLICY, AZURE_TDX_POLICY, judgeAzureSevSnp, judgeAzureTdx } from "../azure.ts";
import { EvidenceError } from "../error.ts";
import { judgeEventLog } from "../event-log.ts";
import type { Judgement } from "../judgement.ts";
import { judgeNitro, NITRO_POLICY } from "../nitro.ts";
import { documentPolicyFrom } from "../observed/document-policy.ts";
import { quotesPolicyFrom } from "../observed/quotes-policy.ts";
import { judgeSevSnp, SEV_SNP_POLICY } from "../sev-snp.ts";
import { judgeTdx, TDX_POLICY } from "../tdx.ts";
import { judgeVtpm, VTPM_POLICY } from "../vtpm.ts";
import type { CaseKind } from "./case.ts";
import { documentPolicyOf, parseCasePolicy } from "./case-policy.ts";
import type { CaseInput } from "./input.ts";
import { judgeEkCertificate, judgeHcl, judgeLaunchDigests } from "./judges.ts";
import { observedAzure, observedSevSnp, observedTdx } from "./observed.ts";
import { azurePolicy, sevSnpPolicy, tdxPolicy, tpmQuotePolicy } from "./own-policy.ts";
import { azureParts, eventLogParts, sevSnpParts, tdxParts, tpmQuoteParts } from "./parts.ts";

/** What can be done with cases of a kind. */
export interface Kind {
  /** Judges by the policy given, or by the case's own. */
  readonly judge: (input: CaseInput, now: Date, policy: Json | undefined) => Judgement;
  /** A policy that accepts what this evidence shows; undefined where it is not accepted itself. */
  readonly observe: ((input: CaseInput, now: Date) => Json | undefined) | undefined;
}

/** How a kind of evidence with a policy of its own is judged. */
interface KindWithPolicy<Parts, Policy, Judged extends Judgement> {
  readonly field: Field<Policy>;
  readonly partsOf: (input: CaseInput) => Parts;
  readonly policyOf: (input: CaseInput) => Policy;
  readonly judge: (parts: Parts, policy: Policy, now: Date) => Judged;
  /** The policy that accepts what was judged. Only called where no check failed. */
  readonly observed: (judged: Judged, policy: Policy, parts: Parts) => Policy | undefined;
}

function withPolicy<Parts, Policy, Judged extends Judgement>(kind: KindWithPolicy<Parts, Policy, Judged>): Kind {
  const { field, partsOf, policyOf, judge, observed } = kind;
  return {
    judge: (input, now, document) => {
      const policy = document === undefined ? policyOf(input) : readPolicy(field, document);
      return judge(partsOf(input), policy, now);
    },
    observe: (input, now) => {
      const parts = partsOf(input);
      const policy = policyOf(input);
      const judged = judge(parts, policy, now);
      if (judged.checks.some(({ outcome }) => outcome === "fail")) return undefined;
      const found = observed(judged, policy, parts);
      return found && field.write(found);
    },
  };
}

function readPolicy<Policy>(field: Field<Policy>, document: Json): Policy {
  const { value, findings } = readValue(field, document);
  if (findings === undefined) return value;
  throw new EvidenceError("policy_malformed", `Read policy failed: ${findingsText("policy", findings)}`, { findings });
}

/** A kind of evidence that asks for one thing only, so that there is no policy to state. */
function withoutPolicy(kind: string, judge: (input: CaseInput, now: Date) => Judgement): Kind {
  return {
    judge: (input, now, policy) => {
      if (policy === undefined) return judge(input, now);
      throw new EvidenceError("policy_malformed", `Read policy failed: got one, wanted none for kind "${kind}"`);
    },
    observe: undefined,
  };
}

/** What can be done with each kind. */
export const KINDS: Readonly<Record<CaseKind, Kind>> = {
  "sev-snp": withPolicy({
    field: SEV_SNP_POLICY,
    partsOf: (input) => ({ ...sevSnpParts(input), report: input.files.get("report") }),
    policyOf: sevSnpPolicy,
    judge: judgeSevSnp,
    observed: observedSevSnp,
  }),
  "sev-snp-launch-digest": withoutPolicy("sev-snp-launch-digest", judgeLaunchDigests),
  tdx: withPolicy({
    field: TDX_POLICY,
    partsOf: (input) => tdxParts(input, "quote"),
    policyOf: tdxPolicy,
    judge: judgeTdx,
    observed: observedTdx,
  }),
  "azure-hcl": withoutPolicy("azure-hcl", judgeHcl),
  "azure-sev-snp": withPolicy({
    field: AZURE_SEV_SNP_POLICY,
    partsOf: (input) => ({ ...sevSnpParts(input), ...azureParts(input) }),
    policyOf: (input) => ({ sevSnp: sevSnpPolicy(input), ...azurePolicy(input) }),
    judge: judgeAzureSevSnp,
    observed: ({ sevSnp: judged, vmConfiguration }, policy, parts) => {
      const sevSnp = observedSevSnp(judged, policy.sevSnp);
      return sevSnp && { sevSnp, ...observedAzure(parts, policy, vmConfiguration) };
    },
  }),
  "azure-tdx": withPolicy({
    field: AZURE_TDX_POLICY,
    partsOf: (input) => ({ ...tdxParts(input, "td_quote"), ...azureParts(input) }),
    policyOf: (input) => ({ tdx: tdxPolicy(input), ...azurePolicy(input) }),
    judge: judgeAzureTdx,
    observed: ({ tdx: judged, vmConfiguration }, policy, parts) => {
      const tdx = observedTdx(judged, policy.tdx);
      return tdx && { tdx, ...observedAzure(parts, policy, vmConfiguration) };
    },
  }),
  "tpm-quote": withPolicy({
    field: VTPM_POLICY,
    partsOf: tpmQuoteParts,
    policyOf: tpmQuotePolicy,
    judge: judgeVtpm,
    observed: (_judged, policy, { quotes }) => {
      return { ...quotesPolicyFrom(quotes, policy.eventLog), akCertificate: policy.akCertificate };
    },
  }),
  "gcp-ek-cert": withoutPolicy("gcp-ek-cert", judgeEkCertificate),
  "tpm-eventlog": withoutPolicy("tpm-eventlog", ({ files }) => judgeEventLog(eventLogParts(files, "tcg"))),
  ccel: withoutPolicy("ccel", ({ files }) => judgeEventLog(eventLogParts(files, "cc"))),
  nitro: withPolicy({
    field: NITRO_POLICY,
    partsOf: ({ files }) => files.get("document"),
    policyOf: ({ case: subject, roots }) => ({ roots, document: documentPolicyOf(parseCasePolicy(subject)) }),
    judge: judgeNitro,
    observed: ({ genuine }, { roots }) => genuine && { roots, document: documentPolicyFrom(genuine) },
  }),
};
