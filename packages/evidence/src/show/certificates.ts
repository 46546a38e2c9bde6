import { hex } from "@constellation/bytes";
import { digest } from "@constellation/crypto";
import type { Json } from "@constellation/fields";
import { parseCertificate, parseCrl } from "@constellation/x509";

/** What a certificate (DER) says. */
export function showCertificate(der: Uint8Array): Json {
  const { subject, issuer, serialNumber, notBefore, notAfter, basicConstraints, keyUsage, extensions, spki } =
    parseCertificate(der);
  return {
    subject: subject.text,
    issuer: issuer.text,
    serialNumber,
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    ca: basicConstraints?.ca ?? false,
    keyUsage: keyUsage ?? [],
    extensions: Object.fromEntries(
      extensions.map(({ oid, critical, value }) => [critical ? `${oid} (critical)` : oid, hex(value)]),
    ),
    spkiSha256: hex(digest("sha256", spki)),
    sha256: hex(digest("sha256", der)),
  };
}

/** What a CRL (DER) says. */
export function showCrl(der: Uint8Array): Json {
  const { issuer, thisUpdate, nextUpdate, revokedCertificates } = parseCrl(der);
  return {
    issuer: issuer.text,
    thisUpdate: thisUpdate.toISOString(),
    nextUpdate: nextUpdate.toISOString(),
    revokedCertificates: revokedCertificates.size,
    sha256: hex(digest("sha256", der)),
  };
}
