import { type Evidence, parseEvidence, serializeEvidence } from "@constellation/attestation";
import { parseHclReport } from "@constellation/hcl";
import { parseReport, type Product, productOfCpuid, productOfName, type Report } from "@constellation/sev-snp";
import { parseQuote, pckPlatformOf } from "@constellation/tdx";
import { GCP_EK_AK_INTERMEDIATE } from "@constellation/vendor-roots";
import { parseCertificate, pemToDer } from "@constellation/x509";
import type { EndorsementSource } from "../source.ts";

/** Evidence with all endorsements that could be had. */
export interface EndorsedEvidence {
  readonly evidence: Uint8Array;
  /** Why some are still missing; the verifier decides whether it asks for them. */
  readonly missing: readonly Error[];
}

interface SevSnpEndorsed {
  readonly endorsementCert: Uint8Array;
  readonly caChain: readonly Uint8Array[];
  readonly crls: readonly Uint8Array[];
}

type TdxPart = Extract<Evidence, { readonly variant: "tdx" }>["tdx"];
type VtpmPart = Extract<Evidence, { readonly variant: "gcp-sev-es" }>["vtpm"];

/**
 * Adds to evidence what its verifier needs and the machine does not have: certificates and CRL of AMD, collateral of
 * Intel, Google's intermediate. What is there stays as it is. Nothing is verified here: that is what a verdict does,
 * whoever brought the endorsements. Evidence that is complete, or that can't be read, is given back without a question
 * to anybody. Throws the signal's reason only.
 */
export async function endorseEvidence(
  bytes: Uint8Array,
  source: EndorsementSource,
  signal: AbortSignal,
): Promise<EndorsedEvidence> {
  const missing: Error[] = [];
  let evidence: Evidence;
  try {
    evidence = parseEvidence(bytes);
  } catch (error) {
    return { evidence: bytes, missing: [error as Error] };
  }
  const endorsed = await endorse(evidence, async (add) => {
    try {
      return await add(source, signal);
    } catch (error) {
      signal.throwIfAborted();
      missing.push(error as Error);
      return undefined;
    }
  });
  return { evidence: endorsed === evidence ? bytes : serializeEvidence(endorsed), missing };
}

/** Runs one question to the source; undefined where it has no answer. */
type Attempt = <T>(add: (source: EndorsementSource, signal: AbortSignal) => Promise<T>) => Promise<T | undefined>;

async function endorse(evidence: Evidence, attempt: Attempt): Promise<Evidence> {
  switch (evidence.variant) {
    case "qemu-vtpm":
    case "aws-nitro-tpm":
      return evidence;
    case "sev-snp":
    case "aws-sev-snp":
      return { ...evidence, sevSnp: await withSevSnp(evidence.sevSnp, evidence.sevSnp.report, attempt) };
    case "gcp-sev-snp": {
      const sevSnp = await withSevSnp(evidence.sevSnp, evidence.sevSnp.report, attempt);
      return { ...evidence, sevSnp, vtpm: withIssuer(evidence.vtpm) };
    }
    case "azure-sev-snp": {
      const { azure } = evidence;
      const report = await attempt(async () => parseHclReport(azure.hclReport).hwReport);
      return report === undefined ? evidence : { ...evidence, azure: await withSevSnp(azure, report, attempt) };
    }
    case "tdx":
      return { ...evidence, tdx: await withTdx(evidence.tdx, attempt) };
    case "gcp-tdx":
      return { ...evidence, tdx: await withTdx(evidence.tdx, attempt), vtpm: withIssuer(evidence.vtpm) };
    case "azure-tdx":
      return { ...evidence, azure: { ...evidence.azure, tdx: await withTdx(evidence.azure.tdx, attempt) } };
    case "gcp-sev-es":
    case "azure-trusted-launch":
      return { ...evidence, vtpm: withIssuer(evidence.vtpm) };
  }
}

async function withSevSnp<T extends SevSnpEndorsed>(part: T, report: Uint8Array, attempt: Attempt): Promise<T> {
  const { endorsementCert, caChain, crls } = part;
  if (endorsementCert.length > 0 && caChain.length > 0 && crls.length > 0) return part;
  const got = await attempt((source, signal) =>
    source.sevSnp(platformOf(parseReport(report), endorsementCert), signal),
  );
  if (got === undefined) return part;
  return {
    ...part,
    endorsementCert: endorsementCert.length > 0 ? endorsementCert : (got.endorsementCert ?? endorsementCert),
    caChain: caChain.length > 0 ? caChain : got.caChain,
    crls: crls.length > 0 ? crls : got.crls,
  };
}

function platformOf(report: Report, endorsementCert: Uint8Array) {
  const { chipId, reportedTcb: tcb, signingKey: kind } = report;
  const product = productOf(report, endorsementCert);
  if (product === undefined)
    throw new Error("Endorse evidence failed: neither report nor certificate names a product line");
  if (kind === "none") throw new Error("Endorse evidence failed: got a report that is not signed, wanted one that is");
  return { product, kind, chipId, tcb };
}

/** Reports of version 2 do not say; the issuer of a certificate that came along does. */
function productOf({ cpuid }: Report, endorsementCert: Uint8Array): Product | undefined {
  if (cpuid !== undefined) return productOfCpuid(cpuid);
  if (endorsementCert.length === 0) return undefined;
  const name = /(?:^|,)CN=SEV-(?:VLEK-)?(\w+)/.exec(parseCertificate(endorsementCert).issuer.text)?.[1];
  return name === undefined ? undefined : productOfName(name);
}

async function withTdx(part: TdxPart, attempt: Attempt): Promise<TdxPart> {
  if (part.collateral !== undefined) return part;
  const collateral = await attempt((source, signal) => source.tdx(pckPlatformOf(parseQuote(part.quote)), signal));
  return { ...part, collateral };
}

/** Google's TPMs have the certificate of their key, and not that of its issuer. */
function withIssuer(part: VtpmPart): VtpmPart {
  const { certificate, issuers } = part.akCertificate;
  const issuer = pemToDer(GCP_EK_AK_INTERMEDIATE);
  if (issuers.length > 0 || !isIssuedBy(certificate, issuer)) return part;
  return { ...part, akCertificate: { certificate, issuers: [issuer] } };
}

function isIssuedBy(certificate: Uint8Array, issuer: Uint8Array): boolean {
  try {
    return parseCertificate(certificate).issuer.text === parseCertificate(issuer).subject.text;
  } catch {
    return false;
  }
}
