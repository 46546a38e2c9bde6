import { verifySignature as holds } from "@constellation/crypto";
import type { AlgorithmIdentifier } from "./algorithm-identifier.ts";
import type { Certificate } from "./certificate.ts";
import type { Crl } from "./crl.ts";
import { X509Error, type X509ErrorCode } from "./error.ts";
import { publicKeyOf } from "./public-key.ts";
import { readSignatureScheme } from "./signature-algorithm.ts";

/** Something signed, as certificates and CRLs are. */
interface Signed {
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
}

/** Certificates with those that were found to have signed them: chains of one piece of evidence share their upper part. */
const signers = new WeakMap<Certificate, WeakSet<Certificate>>();

/**
 * Verifies the signature on a certificate with the key of its issuer.
 * Throws `X509Error` "signature", "unsupported_algorithm" or "public_key".
 */
export function verifySignature(certificate: Certificate, issuer: Certificate): void {
  const known = signers.get(certificate) ?? new WeakSet();
  if (known.has(issuer)) return;
  requireSignature(certificate, issuer, "certificate", "signature");
  signers.set(certificate, known.add(issuer));
}

/** Verifies the signature on a CRL. Throws `X509Error` "crl_signature", "unsupported_algorithm" or "public_key". */
export function verifyCrlSignature(crl: Crl, issuer: Certificate): void {
  requireSignature(crl, issuer, "CRL", "crl_signature");
}

function requireSignature(signed: Signed, issuer: Certificate, what: string, code: X509ErrorCode): void {
  const scheme = readSignatureScheme(signed.signatureAlgorithm);
  if (!holds(publicKeyOf(issuer), scheme, signed.tbs, signed.signature)) {
    throw new X509Error(
      code,
      `Verify ${what} signature failed: got one not made by "${issuer.subject.text}", wanted its ${scheme.kind} signature`,
    );
  }
}
