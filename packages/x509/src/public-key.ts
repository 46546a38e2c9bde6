import { CryptoError, importSpki, type PublicKey } from "@constellation/crypto";
import type { Certificate } from "./certificate.ts";
import { X509Error } from "./error.ts";

/** Keys of certificates that were used before: importing one costs as much as a third of a verification. */
const imported = new WeakMap<Certificate, PublicKey>();

/** The public key of a certificate: ECC on P-256 or P-384 by name, or RSA. Throws `X509Error` "public_key". */
export function publicKeyOf(certificate: Certificate): PublicKey {
  const known = imported.get(certificate);
  if (known !== undefined) return known;
  const key = importKey(certificate.spki);
  imported.set(certificate, key);
  return key;
}

function importKey(spki: Uint8Array): PublicKey {
  try {
    return importSpki(spki);
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    throw new X509Error("public_key", cause.message, { cause });
  }
}
