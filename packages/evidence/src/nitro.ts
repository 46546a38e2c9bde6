import { type Field, list, object } from "@constellation/fields";
import {
  type AttestationDocument,
  claimsOf,
  type DocumentPolicy,
  validateDocument,
  verifyDocument,
} from "@constellation/nitro";
import type { Certificate } from "@constellation/x509";
import type { Judgement } from "./judgement.ts";
import { BOUND_DOCUMENT_POLICY, type BoundDocumentPolicy, NITRO_DOCUMENT_POLICY } from "./policy/nitro.ts";
import { ROOT } from "./policy/roots.ts";

/** What is accepted of an attestation document of AWS Nitro. Total: every field is stated. */
export interface NitroPolicy {
  /** Certificates of AWS's root. An empty list trusts nobody. */
  readonly roots: readonly Certificate[];
  readonly document: DocumentPolicy;
}

/** {@link NitroPolicy} as a document. */
export const NITRO_POLICY: Field<NitroPolicy> = object<NitroPolicy>({
  roots: list(ROOT),
  document: NITRO_DOCUMENT_POLICY,
});

/** What is accepted of a document whose nonce is bound to a channel. */
export interface BoundNitroPolicy extends Omit<NitroPolicy, "document"> {
  readonly document: BoundDocumentPolicy;
}

/** {@link BoundNitroPolicy} as a document. */
export const BOUND_NITRO_POLICY: Field<BoundNitroPolicy> = object<BoundNitroPolicy>({
  roots: list(ROOT),
  document: BOUND_DOCUMENT_POLICY,
});

/** What judging a document gives. */
export interface NitroJudgement extends Judgement {
  /** The document, where the Nitro hypervisor made it. */
  readonly genuine?: AttestationDocument;
}

/** Judges a document (COSE_Sign1): whether the Nitro hypervisor made it, then whether what it attests is acceptable. */
export function judgeNitro(document: Uint8Array, policy: NitroPolicy, now: Date): NitroJudgement {
  const verified = verifyDocument({ document, roots: policy.roots, now });
  if (!verified.genuine) return { checks: verified.checks, claims: {} };
  return {
    checks: [...verified.checks, ...validateDocument(verified.document, policy.document)],
    claims: { ...claimsOf(verified.document) },
    genuine: verified.document,
  };
}
