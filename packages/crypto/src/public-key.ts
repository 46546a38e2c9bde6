import { createPublicKey, type KeyObject } from "node:crypto";
import { concat, fromHex } from "@constellation/bytes";
import { CryptoError } from "./error.ts";
import { rsaSpki } from "./rsa-spki.ts";
import { parseSpki } from "./spki.ts";

/** Curves that are supported, by their NIST names. */
export type EcCurve = "P-256" | "P-384";

/** A public key that signatures are verified with. */
export type PublicKey =
  | { readonly kind: "ec"; readonly curve: EcCurve; readonly handle: unknown }
  /** `pssOnly`: an id-RSASSA-PSS key, good for that scheme alone. */
  | { readonly kind: "rsa"; readonly modulusBits: number; readonly pssOnly: boolean; readonly handle: unknown };

/** Curves by the OID of RFC 5480 section 2.1.1.1. */
const CURVES: ReadonlyMap<string, EcCurve> = new Map([
  ["1.2.840.10045.3.1.7", "P-256"],
  ["1.3.132.0.34", "P-384"],
]);
const COORDINATE_BYTES: Readonly<Record<EcCurve, number>> = { "P-256": 32, "P-384": 48 };
/** SubjectPublicKeyInfo up to the coordinates of an uncompressed point. */
const SPKI_PREFIX: Readonly<Record<EcCurve, Uint8Array>> = {
  "P-256": fromHex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"),
  "P-384": fromHex("3076301006072a8648ce3d020106052b8104002203620004"),
};
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
    return { kind: "ec", curve, handle: importDer(spki) };
  }
  const { modulus, exponent, pssOnly } = contents;
  const modulusBits = requireRsaSizes(modulus, exponent);
  return { kind: "rsa", modulusBits, pssOnly, handle: importDer(spki) };
}

/** A key on a curve from its affine coordinates, big-endian and of full length. Throws `CryptoError`. */
export function ecPublicKey(curve: EcCurve, x: Uint8Array, y: Uint8Array): PublicKey {
  const wanted = COORDINATE_BYTES[curve];
  if (x.length !== wanted || y.length !== wanted) {
    throw malformed(`coordinates of "${x.length}" and "${y.length}" bytes`, `"${wanted}" for ${curve}`);
  }
  return { kind: "ec", curve, handle: importDer(concat(SPKI_PREFIX[curve], x, y)) };
}

/** An RSA key from modulus and exponent, big-endian without leading zeros. Throws `CryptoError`. */
export function rsaPublicKey(modulus: Uint8Array, exponent: Uint8Array): PublicKey {
  const modulusBits = requireRsaSizes(modulus, exponent);
  return { kind: "rsa", modulusBits, pssOnly: false, handle: importDer(rsaSpki(modulus, exponent)) };
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

/** Gives the bits of the modulus; the exponent is odd and at least 3 (RFC 8017 section 3.1). */
function requireRsaSizes(modulus: Uint8Array, exponent: Uint8Array): number {
  const bits = bitLength(modulus);
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) {
    throw unsupported(`RSA of "${bits}" bits`, `"${MIN_RSA_BITS}" to "${MAX_RSA_BITS}"`);
  }
  const exponentBits = bitLength(exponent);
  if (exponentBits < 2 || exponent.length > MAX_EXPONENT_BYTES || ((exponent.at(-1) as number) & 1) === 0) {
    throw unsupported(`RSA exponent of "${exponentBits}" bits`, `an odd one of at most "${MAX_EXPONENT_BYTES}" bytes`);
  }
  return bits;
}

/** Zero for a number with a leading zero octet, which is not in its one form. */
function bitLength(number: Uint8Array): number {
  const first = number[0] ?? 0;
  return first === 0 ? 0 : number.length * 8 - Math.clz32(first) + 24;
}

/**
 * PEM and not DER, since node:crypto takes twice as long for anything but text: it tells what it was given by calls that
 * throw.
 */
function importDer(spki: Uint8Array): KeyObject {
  const base64 = Buffer.from(spki.buffer, spki.byteOffset, spki.length).toString("base64");
  try {
    return createPublicKey(`-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`);
  } catch (cause) {
    throw new CryptoError("key_malformed", "Read public key failed: got numbers that are no public key", { cause });
  }
}

function malformed(got: string, wanted: string): CryptoError {
  return new CryptoError("key_malformed", `Read public key failed: got ${got}, wanted ${wanted}`);
}

function unsupported(got: string, wanted: string): CryptoError {
  return new CryptoError("key_unsupported", `Read public key failed: got ${got}, wanted ${wanted}`);
}
