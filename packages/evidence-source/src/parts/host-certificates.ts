import { fromUtf8 } from "@constellation/bytes";
import type { SevSnpParts } from "@constellation/evidence";
import {
  type CertificateRole,
  type CertificateTableEntry,
  parseCertificateTable,
  type SigningKey,
} from "@constellation/sev-snp";
import { pemToDer } from "@constellation/x509";
import { EvidenceSourceError } from "../error.ts";

/** What goes with a report: empty where the host gives nothing. */
export type HostEndorsements = Omit<SevSnpParts, "report">;

const DER_SEQUENCE = 0x30;

/**
 * The certificates and CRLs of the table that a host hands out with reports; a VCEK or VLEK by the key that signed this
 * one. Nothing in it is verified. @throws EvidenceSourceError `blob_malformed`
 */
export function hostEndorsements(auxblob: Uint8Array, signingKey: SigningKey): HostEndorsements {
  if (auxblob.length === 0) return { endorsementCert: new Uint8Array(), caChain: [], crls: [] };
  try {
    const entries = parseCertificateTable(auxblob);
    const [endorsementCert = new Uint8Array()] = dataOf(entries, signingKey);
    return { endorsementCert, caChain: dataOf(entries, "ASK"), crls: dataOf(entries, "CRL") };
  } catch (cause) {
    const message = `Read certificates of the host failed: ${(cause as Error).message}`;
    throw new EvidenceSourceError("blob_malformed", message, { cause });
  }
}

/** DER of each entry of a role; hosts put DER or PEM into their tables, and nothing where they have nothing. */
function dataOf(entries: readonly CertificateTableEntry[], wanted: CertificateRole | "none"): Uint8Array[] {
  const filled = entries.filter(({ role, data }) => role === wanted && data.length > 0);
  return filled.map(({ data }) => (data[0] === DER_SEQUENCE ? data : pemToDer(fromUtf8(data))));
}
