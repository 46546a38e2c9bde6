import { fromUtf8 } from "@constellation/bytes";
import { type Certificate, derToPem, parseCertificate, pemToDer } from "@constellation/x509";

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * The DER bytes of all certificates in a PEM file; what stands between the blocks is left aside. A file that is DER by
 * its first byte is given as it is.
 */
export function certificatesIn(file: Uint8Array): Uint8Array[] {
  const DER_SEQUENCE = 0x30;
  if (file[0] === DER_SEQUENCE) return [file];
  return (fromUtf8(file).match(BLOCK) ?? []).map(pemToDer);
}

/** The certificates in a PEM file, each as a PEM block of its own, as policies have them. */
export function pemCertificates(file: Uint8Array): string[] {
  return certificatesIn(file).map(derToPem);
}

/** The pinned roots of a policy. */
export function rootsOf(pems: readonly string[]): Certificate[] {
  return pems.map((pem) => parseCertificate(pemToDer(pem)));
}
