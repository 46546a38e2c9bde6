import { provider } from "#provider";
import { CryptoError } from "./error.ts";
import type { PssParameters } from "./pss-parameters.ts";
import { parseSpki } from "./spki.ts";

/** Curves that are supported, by their NIST names. */
export type EcCurve = "P-256" | "P-384";

/** A public key that signatures are verified with; `handle` is the provider's. */
export type PublicKey =
  | { readonly kind: "ec"; readonly curve: EcCurve; readonly handle: object }
  | {
      readonly kind: "rsa";
      readonly modulusBits: number;
      /** An id-RSASSA-PSS key, good for that scheme alone. */
      readonly pssOnly: boolean;
      /** What such a key says of its signatures; undefined where it takes all. */
      readonly pss?: PssParameters;
      readonly handle: object;
    };

/** Curves by the OID of RFC 5480 section 2.1.1.1. */
const CURVES: ReadonlyMap<string, EcCurve> = new Map([
  ["1.2.840.10045.3.1.7", "P-256"],
  ["1.3.132.0.34", "P-384"],
]);
/** Bytes of a coordinate, which r and s of a signature have too. */
export const COORDINATE_BYTES: Readonly<Record<EcCurve, number>> = { "P-256": 32, "P-384": 48 };
const UNCOMPRESSED = 0x04;

const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;
/** Four octets hold each exponent in use, and bound the time of a verification. */
const MAX_EXPONENT_BYTES = 4;

/** Reads a SubjectPublicKeyInfo (DER). Throws `CryptoError`. */
export function importSpki(spki: Uint8Array): PublicKey {
  const contents = parseSpki(spki);
  if (contents.kind === "ec") {
    const curve = CURVES.get(contents.curve);
    if (curve === undefined) throw unsupported(`curve "${contents.curve}"`, "P-256 or P-384");
    requireUncompressed(curve, contents.point);
    const end = 1 + COORDINATE_BYTES[curve];
    return ecPublicKey(curve, contents.point.subarray(1, end), contents.point.subarray(end));
  }
  const { modulus, exponent, pssOnly, pss } = contents;
  return { ...rsaPublicKey(modulus, exponent), pssOnly, ...(pss && { pss }) };
}

/** A key on a curve from its affine coordinates, big-endian and of full length. Throws `CryptoError`. */
export function ecPublicKey(curve: EcCurve, x: Uint8Array, y: Uint8Array): PublicKey {
  const wanted = COORDINATE_BYTES[curve];
  if (x.length !== wanted || y.length !== wanted) {
    throw malformed(`coordinates of "${x.length}" and "${y.length}" bytes`, `"${wanted}" for ${curve}`);
  }
  // FIPS 186-5 appendix D.1: a point that is not on its curve is no public key.
  const handle = provider.importEc(curve, x, y);
  if (handle === undefined) throw malformed("coordinates that are no public key", `a point on ${curve}`);
  return { kind: "ec", curve, handle };
}

/** An RSA key from modulus and exponent, big-endian without leading zeros. Throws `CryptoError`. */
export function rsaPublicKey(modulus: Uint8Array, exponent: Uint8Array): PublicKey & { readonly kind: "rsa" } {
  const modulusBits = requireRsaSizes(modulus, exponent);
  return { kind: "rsa", modulusBits, pssOnly: false, handle: provider.importRsa(modulus, exponent) };
}

/** RFC 5480 section 2.2: other forms of a point are optional, and nobody here writes them. */
function requireUncompressed(curve: EcCurve, point: Uint8Array): void {
  const wanted = 1 + 2 * COORDINATE_BYTES[curve];
  if (point[0] !== UNCOMPRESSED || point.length !== wanted) {
    throw malformed(
      `a point of "${point.length}" bytes in form "${point[0]}"`,
      `"${wanted}" in form "${UNCOMPRESSED}"`,
    );
  }
}

/** Gives the bits of the modulus, which is odd as primes are; the exponent is odd and at least 3 (RFC 8017 section 3.1). */
function requireRsaSizes(modulus: Uint8Array, exponent: Uint8Array): number {
  const bits = bitLength(modulus);
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) {
    throw unsupported(`RSA of "${bits}" bits`, `"${MIN_RSA_BITS}" to "${MAX_RSA_BITS}"`);
  }
  if (isEven(modulus)) throw malformed("an even RSA modulus", "an odd one");
  const exponentBits = bitLength(exponent);
  if (exponentBits < 2 || exponent.length > MAX_EXPONENT_BYTES || isEven(exponent)) {
    throw unsupported(`RSA exponent of "${exponentBits}" bits`, `an odd one of at most "${MAX_EXPONENT_BYTES}" bytes`);
  }
  return bits;
}

/** Zero for a number with a leading zero octet, which is not in its one form. */
function bitLength(number: Uint8Array): number {
  const first = number[0] ?? 0;
  return first === 0 ? 0 : number.length * 8 - Math.clz32(first) + 24;
}

function isEven(number: Uint8Array): boolean {
  return ((number.at(-1) as number) & 1) === 0;
}

function malformed(got: string, wanted: string): CryptoError {
  return new CryptoError("key_malformed", `Read public key failed: got ${got}, wanted ${wanted}`);
}

function unsupported(got: string, wanted: string): CryptoError {
  return new CryptoError("key_unsupported", `Read public key failed: got ${got}, wanted ${wanted}`);
}
