import { constants, type KeyObject, verify } from "node:crypto";
import type { AlgorithmIdentifier } from "./algorithm-identifier.ts";
import type { Certificate } from "./certificate.ts";
import type { Crl } from "./crl.ts";
import { X509Error, type X509ErrorCode } from "./error.ts";
import { publicKeyOf } from "./public-key.ts";
import { readSignatureScheme, type SignatureScheme } from "./signature-algorithm.ts";

/** Something signed, as certificates and CRLs are. */
interface Signed {
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
}

/**
 * Verifies the signature on a certificate with the key of its issuer.
 * Throws `X509Error` "signature", "unsupported_algorithm" or "public_key".
 */
export function verifySignature(certificate: Certificate, issuer: Certificate): void {
  requireSignature(certificate, issuer, "certificate", "signature");
}

/** Verifies the signature on a CRL. Throws `X509Error` "crl_signature", "unsupported_algorithm" or "public_key". */
export function verifyCrlSignature(crl: Crl, issuer: Certificate): void {
  requireSignature(crl, issuer, "CRL", "crl_signature");
}

function requireSignature(signed: Signed, issuer: Certificate, what: string, code: X509ErrorCode): void {
  const scheme = readSignatureScheme(signed.signatureAlgorithm);
  const key = publicKeyOf(issuer);
  if (!fits(scheme, key) || !verifyBytes(scheme, key, signed)) {
    throw new X509Error(
      code,
      `Verify ${what} signature failed: got one not made by "${issuer.subject.text}", wanted its ${scheme.kind} signature`,
    );
  }
}

/** A key is used only with its own kind of signature. */
function fits(scheme: SignatureScheme, key: KeyObject): boolean {
  switch (scheme.kind) {
    case "ecdsa":
      return key.asymmetricKeyType === "ec";
    case "rsa-pkcs1":
      return key.asymmetricKeyType === "rsa";
    case "rsa-pss":
      return key.asymmetricKeyType === "rsa" || key.asymmetricKeyType === "rsa-pss";
  }
}

function verifyBytes(scheme: SignatureScheme, key: KeyObject, { tbs, signature }: Signed): boolean {
  switch (scheme.kind) {
    case "ecdsa":
      return verify(scheme.hash, tbs, { key, dsaEncoding: "der" }, signature);
    case "rsa-pkcs1":
      return verify(scheme.hash, tbs, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
    case "rsa-pss": {
      const { saltLength } = scheme;
      return verify(scheme.hash, tbs, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature);
    }
  }
}
