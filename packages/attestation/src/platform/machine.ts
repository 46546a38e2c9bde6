import { digest } from "@constellation/crypto";
import { parseHclReport, parseRuntimeClaims } from "@constellation/hcl";
import { type AttestationDocument, parseDocument } from "@constellation/nitro";
import { parseReport } from "@constellation/sev-snp";
import { parseQuote } from "@constellation/tdx";
import { parsePublic, tpmPublicToSpki } from "@constellation/tpm2";
import { utf8 } from "@constellation/bytes";
import { verifyAkPublic } from "@constellation/vtpm";
import type { PlatformEvidence } from "./variants.ts";

/** What evidence says about which machine it is of, and whether that belongs to a cluster. */
export interface MachineClaims {
  /** SHA-256 of what the machine is known by; undefined where the evidence does not say. */
  readonly machine: Uint8Array | undefined;
  /** The register that holds the cluster's ID; undefined where the variant has none. */
  readonly clusterRegister: Uint8Array | undefined;
}

/** The PCR, or RTMR, that the cluster's ID is extended into. */
export const CLUSTER_REGISTER = { pcr: 15, rtmr: 3 } as const;

/**
 * Reads the machine's identity and cluster register. To be believed only where the verdict on the same evidence is
 * "accepted". A machine is known by the attestation key of its virtual TPM where it has one, on AWS by its module, and
 * otherwise by what its host bound to it at launch: HOST_DATA on SEV-SNP, MRCONFIGID on TDX. Zeros there are none.
 */
export function machineClaims(evidence: PlatformEvidence): MachineClaims {
  return {
    machine: attempt(() => identityOf(evidence)),
    clusterRegister: attempt(() => registerOf(evidence)),
  };
}

function identityOf(evidence: PlatformEvidence): Uint8Array | undefined {
  switch (evidence.variant) {
    case "sev-snp":
      return launchIdentity(parseReport(evidence.sevSnp.report).hostData);
    case "tdx":
      return launchIdentity(parseQuote(evidence.tdx.quote).body.MRCONFIGID);
    case "aws-sev-snp":
    case "aws-nitro-tpm":
      return digest("sha256", utf8(documentOf(evidence).moduleId));
    case "azure-sev-snp":
    case "azure-tdx":
      return paravisorIdentity(evidence.azure.hclReport);
    case "azure-trusted-launch":
    case "gcp-sev-snp":
    case "gcp-tdx":
    case "gcp-sev-es":
      return digest("sha256", tpmPublicToSpki(parsePublic(evidence.vtpm.akPublic)));
  }
}

function registerOf(evidence: PlatformEvidence): Uint8Array | undefined {
  switch (evidence.variant) {
    case "sev-snp":
      return undefined;
    case "tdx":
      return parseQuote(evidence.tdx.quote).body.RTMR3;
    case "aws-sev-snp":
    case "aws-nitro-tpm":
      return documentOf(evidence).pcrs.get(CLUSTER_REGISTER.pcr);
    case "azure-sev-snp":
    case "azure-tdx":
      return evidence.azure.pcrs.get(CLUSTER_REGISTER.pcr);
    case "azure-trusted-launch":
    case "gcp-sev-snp":
    case "gcp-tdx":
    case "gcp-sev-es":
      return evidence.vtpm.pcrs.get(CLUSTER_REGISTER.pcr);
  }
}

/** A host that bound nothing to the machine left zeros, which all such machines have in common. */
function launchIdentity(value: Uint8Array): Uint8Array | undefined {
  return value.every((byte) => byte === 0) ? undefined : digest("sha256", value);
}

function documentOf({ nitroTpm }: Extract<PlatformEvidence, { readonly nitroTpm: unknown }>): AttestationDocument {
  return parseDocument(nitroTpm.document).document;
}

/** The attestation key that the paravisor claims, and the hardware vouches for. */
function paravisorIdentity(hclReport: Uint8Array): Uint8Array | undefined {
  const { modulus, exponent } = parseRuntimeClaims(parseHclReport(hclReport).variableData).ak;
  const spki = verifyAkPublic({ format: "rsa", modulus, exponent, vouchedBy: "the paravisor" }).attestationKey?.spki;
  return spki === undefined ? undefined : digest("sha256", spki);
}

/** What can't be read says nothing; the checks say why. */
function attempt(read: () => Uint8Array | undefined): Uint8Array | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
