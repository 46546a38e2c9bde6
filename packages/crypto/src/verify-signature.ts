import { provider } from "#provider";
import type { HashName } from "./digest.ts";
import { fixedFromDer } from "./ecdsa-signature.ts";
import { COORDINATE_BYTES, type PublicKey } from "./public-key.ts";

/** Hashes that are good for signatures. */
export type SignatureHash = Exclude<HashName, "sha1">;

/** A signature algorithm with all its parameters. */
export type SignatureScheme =
  /** `der`: SEQUENCE of two INTEGERs, strict; `fixed`: r and s of the curve's length, big-endian. */
  | { readonly kind: "ecdsa"; readonly hash: SignatureHash; readonly encoding: "der" | "fixed" }
  | { readonly kind: "rsa-pkcs1"; readonly hash: SignatureHash }
  /** MGF1 with the same hash; the salt has exactly `saltLength` bytes. */
  | { readonly kind: "rsa-pss"; readonly hash: SignatureHash; readonly saltLength: number };

type EcKey = Extract<PublicKey, { kind: "ec" }>;
type RsaKey = Extract<PublicKey, { kind: "rsa" }>;
type EcScheme = Extract<SignatureScheme, { kind: "ecdsa" }>;
type RsaScheme = Exclude<SignatureScheme, EcScheme>;
type PssScheme = Extract<SignatureScheme, { kind: "rsa-pss" }>;

const HASH_BYTES: Readonly<Record<SignatureHash, number>> = { sha256: 32, sha384: 48, sha512: 64 };

/** Whether the signature over the data holds. A key is used with its own kind of signature only. Never throws. */
export function verifySignature(
  key: PublicKey,
  scheme: SignatureScheme,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  switch (scheme.kind) {
    case "ecdsa":
      return key.kind === "ec" && verifyEcdsa(key, scheme, data, signature);
    case "rsa-pkcs1":
      return key.kind === "rsa" && !key.pssOnly && verifyRsa(key, scheme, data, signature);
    case "rsa-pss":
      return key.kind === "rsa" && isPssFit(key, scheme) && verifyRsa(key, scheme, data, signature);
  }
}

function verifyEcdsa(key: EcKey, { hash, encoding }: EcScheme, data: Uint8Array, signature: Uint8Array): boolean {
  const size = COORDINATE_BYTES[key.curve];
  const fixed = encoding === "der" ? fixedFromDer(signature, size) : signature;
  return fixed?.length === 2 * size && provider.verify(key.handle, { kind: "ecdsa", hash }, data, fixed);
}

/** A signature is as long as the modulus (RFC 8017 sections 8.1.2 and 8.2.2, step 1). */
function verifyRsa(key: RsaKey, scheme: RsaScheme, data: Uint8Array, signature: Uint8Array): boolean {
  return signature.length === Math.ceil(key.modulusBits / 8) && provider.verify(key.handle, scheme, data, signature);
}

/**
 * The key's own parameters hold: this hash, and a salt no shorter (RFC 4055 section 3.3). The salt has to fit (RFC 8017
 * section 9.1.2); negative lengths would tell some libraries to take any.
 */
function isPssFit({ pss, modulusBits }: RsaKey, { hash, saltLength }: PssScheme): boolean {
  const most = Math.ceil((modulusBits - 1) / 8) - HASH_BYTES[hash] - 2;
  if (!Number.isInteger(saltLength) || saltLength < 0 || saltLength > most) return false;
  return pss === undefined || (pss.hash === hash && pss.saltLength <= saltLength);
}
