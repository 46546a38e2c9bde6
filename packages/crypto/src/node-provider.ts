import { constants, createHash, createPublicKey, hash, type KeyObject, verify } from "node:crypto";
import { ecdsaDer } from "./ecdsa-der.ts";
import type { CryptoProvider } from "./provider.ts";
import { ecSpki, rsaSpki } from "./spki-writer.ts";

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
      return importSpki(ecSpki(curve, x, y));
    } catch (error) {
      // The form is right by then, so that OpenSSL's word that it is no key is its check of the point.
      if ((error as { code?: string }).code?.startsWith("ERR_OSSL_")) return undefined;
      throw error;
    }
  },
  importRsa: (modulus, exponent) => importSpki(rsaSpki(modulus, exponent)),
  verify(handle, scheme, data, signature) {
    const key = handle as KeyObject;
    switch (scheme.kind) {
      case "ecdsa":
        return verify(scheme.hash, data, key, ecdsaDer(signature));
      case "rsa-pkcs1":
        // The padding that node:crypto takes for such a key.
        return verify(scheme.hash, data, key, signature);
      case "rsa-pss": {
        const { saltLength } = scheme;
        return verify(scheme.hash, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature);
      }
    }
  },
};

/**
 * PEM and not DER, since node:crypto takes twice as long for anything but text; and keys without options wherever it can
 * be, as these cost a third of a verification.
 */
function importSpki(spki: Uint8Array): KeyObject {
  const base64 = Buffer.from(spki.buffer, spki.byteOffset, spki.length).toString("base64");
  return createPublicKey(`-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`);
}

function toBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
