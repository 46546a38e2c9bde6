import { type AsymmetricKeyDetails, createPublicKey, type KeyObject } from "node:crypto";
import type { Certificate } from "./certificate.ts";
import { X509Error } from "./error.ts";

const CURVES: ReadonlySet<string | undefined> = new Set(["prime256v1", "secp384r1"]);
const MIN_RSA_BITS = 2048;

/**
 * The public key of a certificate for node:crypto: ECC on P-256 or P-384 by name, or RSA of 2048 bits and more.
 * Throws `X509Error` "public_key".
 */
export function publicKeyOf(certificate: Certificate): KeyObject {
  const key = importKey(certificate.spki);
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails as AsymmetricKeyDetails;
  switch (key.asymmetricKeyType) {
    case "ec":
      if (CURVES.has(namedCurve)) return key;
      throw unusable(`curve "${namedCurve}"`, "P-256 or P-384");
    case "rsa":
    case "rsa-pss":
      if (modulusLength >= MIN_RSA_BITS) return key;
      throw unusable(`RSA of "${modulusLength}" bits`, `"${MIN_RSA_BITS}" or more`);
    default:
      throw unusable(`key type "${key.asymmetricKeyType}"`, "ECC or RSA");
  }
}

function importKey(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch (cause) {
    throw new X509Error("public_key", "Read public key failed: got a key that node:crypto refuses", { cause });
  }
}

function unusable(got: string, wanted: string): X509Error {
  return new X509Error("public_key", `Read public key failed: got ${got}, wanted ${wanted}`);
}
