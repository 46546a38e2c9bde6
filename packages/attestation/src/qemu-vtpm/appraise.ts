import { createHash } from "node:crypto";
import { hex } from "@constellation/bytes";
import { type Certificate, parseCertificate, pemToDer } from "@constellation/x509";
import type { Appraisal, AppraisalContext } from "../appraise.ts";
import type { QemuVtpmEvidence } from "../evidence.ts";
import { PCR_INDICES } from "../pcr-index.ts";
import { CLUSTER_REGISTER } from "../platform/machine.ts";
import type { QemuVtpmPolicy } from "../policy.ts";
import type { Claims } from "../verdict.ts";
import { validateEndorsement } from "./validate-endorsement.ts";
import { validatePcrs } from "./validate-pcrs.ts";
import { verifyAkCertificate } from "./verify-ak-certificate.ts";
import { verifyAkPublic } from "./verify-ak-public.ts";
import { LOGGED_PCRS, verifyEventLog } from "./verify-event-log.ts";
import { verifyQuote } from "./verify-quote.ts";

/** Whose word a verdict on this variant rests on. */
export const QEMU_VTPM_TRUST: readonly string[] = [
  "the computer that runs QEMU and the virtual TPM: whoever controls it can read and change the machine",
];

/** Every check of this variant, in the order of the verdict. */
export const QEMU_VTPM_CHECKS: readonly string[] = [
  "akCertificate.format",
  "akCertificate.chain",
  "akCertificate.usage",
  "akCertificate.ekDigest",
  "akPublic.format",
  "akPublic.attributes",
  "akPublic.scheme",
  "akPublic.key",
  "quote.format",
  "quote.magic",
  "quote.type",
  "quote.signature",
  "quote.signer",
  "quote.qualifyingData",
  "quote.pcrSelection",
  "quote.pcrDigest",
  "eventLog.format",
  ...LOGGED_PCRS.map((index) => `eventLog.pcr[${index}]`),
  "endorsement",
  ...PCR_INDICES.map((index) => `pcr[${index}]`),
];

/** Runs the checks of the variant: first whether the evidence is genuine, then whether it is acceptable. */
export function appraiseQemuVtpm(
  evidence: QemuVtpmEvidence,
  policy: QemuVtpmPolicy,
  { reportData, now }: AppraisalContext,
): Appraisal {
  const roots = policy.endorsementRoots.map((pem) => parseCertificate(pemToDer(pem)));
  const identity = verifyAkCertificate(evidence.akCertificate, roots, now);
  const key = verifyAkPublic(evidence.akPublic, identity.certificate);
  const qualifyingData = createHash("sha256").update(reportData).digest();
  const checks = [
    ...identity.checks,
    ...key.checks,
    ...verifyQuote(evidence, key.akPublic, qualifyingData),
    ...verifyEventLog(evidence.eventLog, evidence.pcrs),
    ...validateEndorsement(identity.ekDigest, policy.endorsements),
    ...validatePcrs(evidence.pcrs, policy.pcrs),
  ];
  return { checks, claims: claimsOf(evidence, identity) };
}

function claimsOf(
  evidence: QemuVtpmEvidence,
  { ekDigest, chain }: { readonly ekDigest?: string; readonly chain?: readonly Certificate[] },
): Claims {
  const pcrs = Object.fromEntries(Array.from(evidence.pcrs, ([index, value]) => [String(index), hex(value)]));
  const clusterRegister = pcrs[CLUSTER_REGISTER.pcr];
  return {
    ...(ekDigest !== undefined && { ekDigest, machine: ekDigest }),
    ...(clusterRegister !== undefined && { clusterRegister }),
    pcrs,
    ...(chain && { chain: chain.map((certificate) => certificate.subject.text) }),
  };
}
