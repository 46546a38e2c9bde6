import { constants, type KeyObject, type VerifyKeyObjectInput, verify } from "node:crypto";
import type { HashName } from "./digest.ts";
import { ecdsaDer } from "./ecdsa-der.ts";
import type { PublicKey } from "./public-key.ts";

type SignatureHash = Exclude<HashName, "sha1">;

/** A signature algorithm with all its parameters. */
export type SignatureScheme =
  /** `der`: SEQUENCE of two INTEGERs, strict; `fixed`: r and s of the curve's length, big-endian. */
  | { readonly kind: "ecdsa"; readonly hash: SignatureHash; readonly encoding: "der" | "fixed" }
  | { readonly kind: "rsa-pkcs1"; readonly hash: SignatureHash }
  /** MGF1 with the same hash; the salt has exactly `saltLength` bytes. */
  | { readonly kind: "rsa-pss"; readonly hash: SignatureHash; readonly saltLength: number };

/** Whether the signature over the data holds. A key is used with its own kind of signature only. Never throws. */
export function verifySignature(
  key: PublicKey,
  scheme: SignatureScheme,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const input = inputFor(key, scheme, signature);
  if (input === undefined) return false;
  try {
    return verify(scheme.hash, data, input.key, input.signature);
  } catch (error) {
    // An id-RSASSA-PSS key whose own parameters forbid this hash or salt makes OpenSSL fail instead of answering.
    if ((error as { code?: string }).code?.startsWith("ERR_OSSL_")) return false;
    throw error;
  }
}

/** A key goes without options wherever it can: with them, node:crypto takes a third longer to tell what it was given. */
interface VerifyInput {
  readonly key: KeyObject | VerifyKeyObjectInput;
  readonly signature: Uint8Array;
}

/** How node:crypto is to verify; undefined for a key of another kind than the scheme's, and what is no signature. */
function inputFor(publicKey: PublicKey, scheme: SignatureScheme, signature: Uint8Array): VerifyInput | undefined {
  const key = publicKey.handle as KeyObject;
  switch (scheme.kind) {
    case "ecdsa": {
      if (publicKey.kind !== "ec") return undefined;
      const der = scheme.encoding === "der" ? signature : ecdsaDer(publicKey.curve, signature);
      return der && { key, signature: der };
    }
    case "rsa-pkcs1":
      // The padding that node:crypto takes for an RSA key of that kind.
      return publicKey.kind !== "rsa" || publicKey.pssOnly ? undefined : { key, signature };
    case "rsa-pss":
      // Negative lengths would tell OpenSSL to take any salt.
      if (publicKey.kind !== "rsa" || !Number.isInteger(scheme.saltLength) || scheme.saltLength < 0) return undefined;
      return {
        key: { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: scheme.saltLength },
        signature,
      };
  }
}
