import {
  constants,
  createHash,
  createPublicKey,
  hash,
  type KeyObject,
  type VerifyKeyObjectInput,
  verify,
} from "node:crypto";
import type { CryptoProvider, PlainScheme } from "./provider.ts";

/** The provider that is node:crypto, and so OpenSSL. */
export const provider: CryptoProvider = {
  digest(name, parts) {
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) return toBytes(hash(name, only, "buffer"));
    const state = createHash(name);
    for (const part of parts) state.update(part);
    return toBytes(state.digest());
  },
  importEc(curve, x, y) {
    try {
      return createPublicKey({ key: { kty: "EC", crv: curve, x: base64url(x), y: base64url(y) }, format: "jwk" });
    } catch (error) {
      // The form is right by now, so this is OpenSSL's check of the point.
      if ((error as { code?: string }).code === "ERR_CRYPTO_INVALID_JWK") return undefined;
      throw error;
    }
  },
  importRsa(modulus, exponent) {
    const key = { kty: "RSA", n: base64url(modulus), e: base64url(exponent) };
    return createPublicKey({ key, format: "jwk" });
  },
  verify(key, scheme, data, signature) {
    return verify(scheme.hash, data, { key: key as KeyObject, ...optionsOf(scheme) }, signature);
  },
};

function optionsOf(scheme: PlainScheme): Omit<VerifyKeyObjectInput, "key"> {
  switch (scheme.kind) {
    case "ecdsa":
      return { dsaEncoding: "ieee-p1363" };
    case "rsa-pkcs1":
      return { padding: constants.RSA_PKCS1_PADDING };
    case "rsa-pss":
      return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: scheme.saltLength };
  }
}

function toBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
