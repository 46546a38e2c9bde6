import { constants, type KeyObject, verify } from "node:crypto";
import type { Certificate } from "./certificate.ts";
import { X509Error } from "./error.ts";
import { publicKeyOf } from "./public-key.ts";
import { readSignatureScheme, type SignatureScheme } from "./signature-algorithm.ts";

/**
 * Verifies the signature on a certificate with the key of its issuer.
 * Throws `X509Error` "signature", "unsupported_algorithm" or "public_key".
 */
export function verifySignature(certificate: Certificate, issuer: Certificate): void {
  const scheme = readSignatureScheme(certificate.signatureAlgorithm);
  const key = publicKeyOf(issuer);
  if (!fits(scheme, key) || !verifyBytes(scheme, key, certificate)) {
    throw new X509Error(
      "signature",
      `Verify certificate signature failed: got one not made by "${issuer.subject.text}", wanted its ${scheme.kind} signature`,
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

function verifyBytes(scheme: SignatureScheme, key: KeyObject, { tbs, signature }: Certificate): boolean {
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
