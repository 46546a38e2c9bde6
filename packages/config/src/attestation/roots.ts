import { type Certificate, parseCertificate, pemToDer } from "@constellation/x509";

/** The roots of a policy from those of a section, or the vendor's: certificates in PEM, which the schema has read before. */
export function rootsOf(pems: readonly string[]): Certificate[] {
  return pems.map((pem) => parseCertificate(pemToDer(pem)));
}
