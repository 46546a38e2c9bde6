import { concat, fromHex } from "@constellation/bytes";
import type { EcCurve } from "./public-key.ts";

/** AlgorithmIdentifier of rsaEncryption with its NULL (RFC 3279 section 2.3.1). */
const RSA_ENCRYPTION = fromHex("300d06092a864886f70d0101010500");
const TAG = { INTEGER: 0x02, BIT_STRING: 0x03, SEQUENCE: 0x30 } as const;

/**
 * What stands before the coordinates of a point: the AlgorithmIdentifier of id-ecPublicKey with the curve's name (RFC
 * 5480 section 2.1.1), and the BIT STRING's start with 04, the uncompressed form (section 2.2).
 */
const EC_PUBLIC_KEY: Readonly<Record<EcCurve, Uint8Array>> = {
  "P-256": fromHex("3059" + "301306072a8648ce3d020106082a8648ce3d030107" + "034200" + "04"),
  "P-384": fromHex("3076" + "301006072a8648ce3d020106052b81040022" + "036200" + "04"),
};

/** The SubjectPublicKeyInfo (DER) of a point by its coordinates, big-endian and of full length. */
export function ecSpki(curve: EcCurve, x: Uint8Array, y: Uint8Array): Uint8Array {
  return concat(EC_PUBLIC_KEY[curve], x, y);
}

/**
 * The SubjectPublicKeyInfo (DER) of an RSA key from modulus and exponent, big-endian without leading zeros. Whether it
 * is a usable key is for `importSpki` to say.
 */
export function rsaSpki(modulus: Uint8Array, exponent: Uint8Array): Uint8Array {
  const key = element(TAG.SEQUENCE, unsigned(modulus), unsigned(exponent));
  return element(TAG.SEQUENCE, RSA_ENCRYPTION, element(TAG.BIT_STRING, Uint8Array.of(0), key));
}

/** An INTEGER that is not negative has its highest bit clear. */
function unsigned(number: Uint8Array): Uint8Array {
  const isHigh = ((number[0] ?? 0) & 0x80) !== 0;
  return element(TAG.INTEGER, ...(isHigh ? [Uint8Array.of(0)] : []), number);
}

/** X.690 8.1.3: a length below 128 in one octet, others with the number of octets first. */
function element(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const contents = concat(...parts);
  const octets: number[] = [];
  for (let rest = contents.length; rest > 0; rest >>>= 8) octets.unshift(rest & 0xff);
  const length = contents.length < 0x80 ? [contents.length] : [0x80 | octets.length, ...octets];
  return concat(Uint8Array.of(tag, ...length), contents);
}
