import type { HashName } from "./digest.ts";
import type { EcCurve } from "./public-key.ts";
import type { SignatureHash } from "./verify-signature.ts";

/** A signature algorithm as a provider has it; how a signature is written down was dealt with before. */
export type PlainScheme =
  /** The signature is r and s of the curve's length, big-endian. */
  | { readonly kind: "ecdsa"; readonly hash: SignatureHash }
  | { readonly kind: "rsa-pkcs1"; readonly hash: SignatureHash }
  | { readonly kind: "rsa-pss"; readonly hash: SignatureHash; readonly saltLength: number };

/**
 * The mathematics, which the platform brings. All rules about forms and sizes are this package's, so that they are the
 * same everywhere. `#provider` in package.json names the one in use: node:crypto, or in a browser's bundle WebCrypto.
 */
export interface CryptoProvider {
  /** The hash of the parts one after the other. */
  digest(name: HashName, parts: readonly Uint8Array[]): Uint8Array;
  /** The key of a point by its coordinates, of full length; undefined where it is not on the curve. */
  importEc(curve: EcCurve, x: Uint8Array, y: Uint8Array): object | undefined;
  /** The key of an odd modulus and exponent without leading zeros. */
  importRsa(modulus: Uint8Array, exponent: Uint8Array): object;
  /** Whether a signature holds under a key that this provider imported, and that is of the scheme's kind. */
  verify(key: object, scheme: PlainScheme, data: Uint8Array, signature: Uint8Array): boolean;
}
