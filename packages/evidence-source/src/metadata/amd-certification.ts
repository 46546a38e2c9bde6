import { equalConstantTime } from "@constellation/bytes";
import { parseCertificate, pemToDer } from "@constellation/x509";
import { malformed, textMembers } from "./json-member.ts";
import type { MetadataClient } from "./metadata-client.ts";

/** Certificates for an SEV-SNP report, DER. */
export interface AmdCertification {
  /** The VCEK's. */
  readonly endorsementCert: Uint8Array;
  /** The ASK's; AMD's root is the verifier's own. */
  readonly caChain: readonly Uint8Array[];
}

const WHAT = "AMD certification";
const MAX_BYTES = 64 * 1024;
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * What Azure's host keeps of AMD for this machine (Azure, "Trusted Hardware Identity Management", collateral in a
 * confidential virtual machine). @throws EvidenceSourceError `metadata_malformed`, and as `MetadataClient.ask`
 */
export async function getAmdCertification(client: MetadataClient, signal: AbortSignal): Promise<AmdCertification> {
  const path = "/metadata/THIM/amd/certification";
  const body = await client.ask({ method: "GET", path, maxBytes: MAX_BYTES }, signal);
  const { vcekCert, certificateChain } = textMembers(body, ["vcekCert", "certificateChain"], WHAT);
  const [endorsementCert, ...others] = certificatesIn("vcekCert", vcekCert);
  if (endorsementCert === undefined || others.length > 0) {
    throw malformed(WHAT, `${others.length + (endorsementCert ? 1 : 0)} certificates in "vcekCert"`, "one");
  }
  return { endorsementCert, caChain: certificatesIn("certificateChain", certificateChain).filter(isIntermediate) };
}

function certificatesIn(member: string, pem: string): Uint8Array[] {
  return (pem.match(BLOCK) ?? []).map((block) => {
    try {
      const der = pemToDer(block);
      parseCertificate(der);
      return der;
    } catch (cause) {
      throw malformed(WHAT, `"${member}" with ${(cause as Error).message}`, "certificates", cause);
    }
  });
}

function isIntermediate(der: Uint8Array): boolean {
  const { issuer, subject } = parseCertificate(der);
  return !equalConstantTime(issuer.der, subject.der);
}
