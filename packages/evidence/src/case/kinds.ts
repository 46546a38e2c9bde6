import { type Field, findingsText, type Json, readValue } from "@constellation/fields";
import {
  AZURE_SEV_SNP_POLICY,
  AZURE_TDX_POLICY,
  type AzureJudgement,
  type AzureSevSnpParts,
  type AzureSevSnpPolicy,
  type AzureTdxParts,
  type AzureTdxPolicy,
  judgeAzureSevSnp,
  judgeAzureTdx,
} from "../azure.ts";
import { EvidenceError } from "../error.ts";
import type { Judgement } from "../judgement.ts";
import { rootsOf } from "../pem.ts";
import { judgeNitro, NITRO_POLICY, type NitroPolicy } from "../nitro.ts";
import { judgeSevSnp, SEV_SNP_POLICY, type SevSnpJudgement, type SevSnpParts, type SevSnpPolicy } from "../sev-snp.ts";
import { judgeTdx, TDX_POLICY, type TdxJudgement, type TdxParts, type TdxPolicy } from "../tdx.ts";
import { judgeVtpm, VTPM_POLICY, type VtpmParts, type VtpmPolicy } from "../vtpm.ts";
import type { CaseKind } from "./case.ts";
import { documentPolicyOf, parseCasePolicy } from "./case-policy.ts";
import type { CaseInput } from "./input.ts";
import { judgeEkCertificate, judgeHcl, judgeLaunchDigests, judgeLog } from "./judges.ts";
import {
  azurePolicy,
  azureSevSnpPolicy,
  azureTdxPolicy,
  sevSnpPolicy,
  tdxPolicy,
  tpmQuotePolicy,
} from "./own-policy.ts";
import { azureParts, sevSnpParts, tdxParts, tpmQuoteParts } from "./parts.ts";

/** What was made of a case, and the policy that it was judged by; undefined for kinds that have none. */
interface Judged extends Judgement {
  readonly policy: Json | undefined;
}

/** Judges cases of a kind by the policy given, or by the case's own. */
type Judge = (input: CaseInput, now: Date, policy: Json | undefined) => Judged;

/** A kind of evidence with a policy of its own. */
export interface KindWithPolicy<Parts, Policy, Found extends Judgement> {
  readonly field: Field<Policy>;
  readonly partsOf: (input: CaseInput) => Parts;
  readonly policyOf: (input: CaseInput) => Policy;
  readonly judge: (parts: Parts, policy: Policy, now: Date) => Found;
}

function withPolicy<Parts, Policy, Found extends Judgement>(kind: KindWithPolicy<Parts, Policy, Found>): Judge {
  const { field, partsOf, policyOf, judge } = kind;
  return (input, now, document) => {
    const policy = document === undefined ? policyOf(input) : readPolicy(field, document);
    const { checks, claims } = judge(partsOf(input), policy, now);
    return { checks, claims, policy: field.write(policy) };
  };
}

function readPolicy<Policy>(field: Field<Policy>, document: Json): Policy {
  const { value, findings } = readValue(field, document);
  if (findings === undefined) return value;
  throw new EvidenceError("policy_malformed", `Read policy failed: ${findingsText("policy", findings)}`, { findings });
}

/** A kind of evidence that asks for one thing only, so that there is no policy to state. */
function withoutPolicy(kind: CaseKind, judge: (input: CaseInput, now: Date) => Judgement): Judge {
  return (input, now, policy) => {
    if (policy === undefined) return { ...judge(input, now), policy };
    throw new EvidenceError("policy_malformed", `Read policy failed: got one, wanted none for kind "${kind}"`);
  };
}

/** Reports of AMD SEV-SNP. */
export const SEV_SNP: KindWithPolicy<SevSnpParts, SevSnpPolicy, SevSnpJudgement> = {
  field: SEV_SNP_POLICY,
  partsOf: (input) => ({ ...sevSnpParts(input), report: input.files.get("report") }),
  policyOf: sevSnpPolicy,
  judge: judgeSevSnp,
};

/** Quotes of Intel TDX. */
export const TDX: KindWithPolicy<TdxParts, TdxPolicy, TdxJudgement> = {
  field: TDX_POLICY,
  partsOf: (input) => tdxParts(input, "quote"),
  policyOf: tdxPolicy,
  judge: judgeTdx,
};

/** Azure machines on SEV-SNP. */
export const AZURE_SEV_SNP: KindWithPolicy<
  AzureSevSnpParts,
  AzureSevSnpPolicy,
  AzureJudgement & { readonly sevSnp: SevSnpJudgement }
> = {
  field: AZURE_SEV_SNP_POLICY,
  partsOf: (input) => ({ ...sevSnpParts(input), ...azureParts(input) }),
  policyOf: (input) => ({ sevSnp: azureSevSnpPolicy(input), ...azurePolicy(input) }),
  judge: judgeAzureSevSnp,
};

/** Azure machines on TDX. */
export const AZURE_TDX: KindWithPolicy<AzureTdxParts, AzureTdxPolicy, AzureJudgement & { readonly tdx: TdxJudgement }> =
  {
    field: AZURE_TDX_POLICY,
    partsOf: (input) => ({ ...tdxParts(input, "td_quote"), ...azureParts(input) }),
    policyOf: (input) => ({ tdx: azureTdxPolicy(input), ...azurePolicy(input) }),
    judge: judgeAzureTdx,
  };

/** Quotes of TPMs. */
export const TPM_QUOTE: KindWithPolicy<VtpmParts, VtpmPolicy, Judgement> = {
  field: VTPM_POLICY,
  partsOf: tpmQuoteParts,
  policyOf: tpmQuotePolicy,
  judge: judgeVtpm,
};

/** Attestation documents of AWS Nitro. */
export const NITRO: KindWithPolicy<Uint8Array, NitroPolicy, ReturnType<typeof judgeNitro>> = {
  field: NITRO_POLICY,
  partsOf: ({ files }) => files.get("document"),
  policyOf: ({ case: subject, roots }) => ({
    roots: rootsOf(roots),
    document: documentPolicyOf(parseCasePolicy(subject)),
  }),
  judge: judgeNitro,
};

/** How cases of each kind are judged. */
export const JUDGES: Readonly<Record<CaseKind, Judge>> = {
  "sev-snp": withPolicy(SEV_SNP),
  "sev-snp-launch-digest": withoutPolicy("sev-snp-launch-digest", judgeLaunchDigests),
  tdx: withPolicy(TDX),
  "azure-hcl": withoutPolicy("azure-hcl", judgeHcl),
  "azure-sev-snp": withPolicy(AZURE_SEV_SNP),
  "azure-tdx": withPolicy(AZURE_TDX),
  "tpm-quote": withPolicy(TPM_QUOTE),
  "gcp-ek-cert": withoutPolicy("gcp-ek-cert", judgeEkCertificate),
  "tpm-eventlog": withoutPolicy("tpm-eventlog", (input) => judgeLog(input, "tcg")),
  ccel: withoutPolicy("ccel", (input) => judgeLog(input, "cc")),
  nitro: withPolicy(NITRO),
};
