import { type Certificate, derToPem, parseCertificate, pemToDer, X509Error } from "@constellation/x509";
import { EvidenceError } from "./error.ts";

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const DER_SEQUENCE = 0x30;

/**
 * The DER bytes of all certificates in a file of evidence, PEM or DER; what stands between PEM blocks is left aside. A
 * block that does not decode gives no bytes, which then are no certificate: bad evidence is refused, and does not throw.
 */
export function certificatesIn(file: Uint8Array): Uint8Array[] {
  if (file[0] === DER_SEQUENCE) return [file];
  return blocksIn(file).map((block) => {
    try {
      return pemToDer(block);
    } catch {
      return new Uint8Array();
    }
  });
}

/**
 * The certificates in a file of trusted roots, each as a PEM block of its own, as policies have them.
 * @throws EvidenceError `file_malformed` where one does not parse, or there is none
 */
export function pemCertificates(file: Uint8Array): string[] {
  const pems = file[0] === DER_SEQUENCE ? [derToPem(file)] : blocksIn(file);
  rootsOf(pems);
  if (pems.length > 0) return pems;
  throw new EvidenceError("file_malformed", "Read roots failed: got no certificate, wanted one");
}

/** PEM is ASCII; whatever else a file has is in no block. */
function blocksIn(file: Uint8Array): string[] {
  return new TextDecoder().decode(file).match(BLOCK) ?? [];
}

/** The roots that a case trusts. @throws EvidenceError `file_malformed` where one does not parse */
export function rootsOf(pems: readonly string[]): Certificate[] {
  try {
    return pems.map((pem) => parseCertificate(pemToDer(pem)));
  } catch (cause) {
    if (!(cause instanceof X509Error)) throw cause;
    throw new EvidenceError("file_malformed", `Read roots failed: ${cause.message}`, { cause });
  }
}
