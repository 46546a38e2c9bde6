import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { CryptoError } from "./error.ts";

/** Curves that are supported, by their NIST names. */
export type EcCurve = "P-256" | "P-384";

/** A public key that signatures are verified with. */
export type PublicKey =
  | { readonly kind: "ec"; readonly curve: EcCurve; readonly handle: unknown }
  /** `pssOnly`: an id-RSASSA-PSS key, good for that scheme alone. */
  | { readonly kind: "rsa"; readonly modulusBits: number; readonly pssOnly: boolean; readonly handle: unknown };

const CURVES: ReadonlyMap<string | undefined, EcCurve> = new Map([
  ["prime256v1", "P-256"],
  ["secp384r1", "P-384"],
]);
const COORDINATE_BYTES: Readonly<Record<EcCurve, number>> = { "P-256": 32, "P-384": 48 };
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;

/** Reads a SubjectPublicKeyInfo (DER). Throws `CryptoError`. */
export function importSpki(spki: Uint8Array): PublicKey {
  return classify(importKey({ key: Buffer.from(spki), format: "der", type: "spki" }));
}

/** A key on a curve from its affine coordinates, big-endian and of full length. Throws `CryptoError`. */
export function ecPublicKey(curve: EcCurve, x: Uint8Array, y: Uint8Array): PublicKey {
  const wanted = COORDINATE_BYTES[curve];
  if (x.length !== wanted || y.length !== wanted) {
    throw new CryptoError(
      "key_malformed",
      `Read public key failed: got coordinates of ${x.length} and ${y.length} bytes, wanted ${wanted} for ${curve}`,
    );
  }
  return classify(importKey({ key: { kty: "EC", crv: curve, x: base64url(x), y: base64url(y) }, format: "jwk" }));
}

/** An RSA key from modulus and exponent, big-endian without leading zeros. Throws `CryptoError`. */
export function rsaPublicKey(modulus: Uint8Array, exponent: Uint8Array): PublicKey {
  const key = { kty: "RSA", n: base64url(modulus), e: base64url(exponent) };
  return classify(importKey({ key, format: "jwk" }));
}

type KeyInput = { key: Buffer; format: "der"; type: "spki" } | { key: JsonWebKey; format: "jwk" };

function importKey(input: KeyInput): KeyObject {
  try {
    return createPublicKey(input);
  } catch (cause) {
    throw new CryptoError("key_malformed", "Read public key failed: got bytes that are no public key", { cause });
  }
}

function classify(handle: KeyObject): PublicKey {
  const { namedCurve, modulusLength = 0 } = handle.asymmetricKeyDetails ?? {};
  switch (handle.asymmetricKeyType) {
    case "ec": {
      const curve = CURVES.get(namedCurve);
      if (curve === undefined) throw unsupported(`curve "${namedCurve}"`, "P-256 or P-384");
      return { kind: "ec", curve, handle };
    }
    case "rsa":
    case "rsa-pss":
      if (modulusLength < MIN_RSA_BITS || modulusLength > MAX_RSA_BITS) {
        throw unsupported(`RSA of ${modulusLength} bits`, `${MIN_RSA_BITS} to ${MAX_RSA_BITS}`);
      }
      return { kind: "rsa", modulusBits: modulusLength, pssOnly: handle.asymmetricKeyType === "rsa-pss", handle };
    default:
      throw unsupported(`key type "${handle.asymmetricKeyType}"`, "EC or RSA");
  }
}

function unsupported(got: string, wanted: string): CryptoError {
  return new CryptoError("key_unsupported", `Read public key failed: got ${got}, wanted ${wanted}`);
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
