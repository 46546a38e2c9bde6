import { equalConstantTime, fromHex } from "@constellation/bytes";
import type { Certificate } from "./certificate.ts";
import type { Crl } from "./crl.ts";
import { X509Error } from "./error.ts";
import { requireTime, verifyIssuer } from "./verify-issuer.ts";
import { verifyCrlSignature } from "./verify-signature.ts";

/**
 * Verifies that a CRL is a current and complete one of this issuer (RFC 5280 section 6.3.3): names equal as DER, a CA
 * that may sign CRLs, `now` between thisUpdate and nextUpdate, a full CRL without unknown critical extensions, and the
 * signature. The issuer is to be from a verified chain; it is not judged here. Throws `X509Error`.
 */
export function verifyCrl(crl: Crl, issuer: Certificate, now: Date): void {
  requireTime(now, "CRL");
  if (!equalConstantTime(crl.issuer.der, issuer.subject.der)) {
    throw new X509Error(
      "crl_issuer",
      `Verify CRL failed: got issuer "${crl.issuer.text}", wanted "${issuer.subject.text}"`,
    );
  }
  verifyIssuer(issuer, "cRLSign");
  verifyUpdates(crl, now);
  verifyScope(crl);
  verifyCrlSignature(crl, issuer);
}

/**
 * Whether a CRL lists a certificate. Meaningful for a CRL that `verifyCrl` passed with the issuer that the chain of the
 * certificate has. Throws `X509Error` "crl_issuer" for a certificate that the CRL does not speak about.
 */
export function isRevoked(crl: Crl, certificate: Certificate): boolean {
  if (!equalConstantTime(crl.issuer.der, certificate.issuer.der)) {
    throw new X509Error(
      "crl_issuer",
      `Look up certificate in CRL failed: got a CRL of "${crl.issuer.text}", wanted one of "${certificate.issuer.text}"`,
    );
  }
  return crl.revokedCertificates.has(fromHex(certificate.serialNumber));
}

/** RFC 5280 sections 5.1.2.4 and 5.1.2.5. */
function verifyUpdates({ thisUpdate, nextUpdate }: Crl, now: Date): void {
  const got = now.toISOString();
  if (now < thisUpdate) {
    throw new X509Error(
      "crl_not_yet_valid",
      `Verify CRL failed: got "${got}", wanted "${thisUpdate.toISOString()}" or later`,
    );
  }
  if (now > nextUpdate) {
    throw new X509Error(
      "crl_expired",
      `Verify CRL failed: got "${got}", wanted "${nextUpdate.toISOString()}" or earlier`,
    );
  }
}

/** RFC 5280 sections 5.2 and 5.3: a CRL that isn't understood as a whole says nothing about any certificate. */
function verifyScope({ scope, unknownCritical }: Crl): void {
  if (scope !== "full") throw new X509Error("crl_scope", `Verify CRL failed: got a "${scope}" CRL, wanted "full"`);
  if (unknownCritical.length > 0) {
    throw new X509Error(
      "unknown_critical_extension",
      `Verify CRL failed: got critical extension "${unknownCritical.join(" ")}", wanted none unknown`,
    );
  }
}
