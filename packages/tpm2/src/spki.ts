import type { KeyObject } from "node:crypto";
import { createPublicKey } from "node:crypto";
import { TPM_ALG, TPM_ECC } from "./constants.ts";
import { TpmError } from "./error.ts";
import type { EccPublic, RsaPublic, TpmtPublic } from "./public-area.ts";

const CURVES: ReadonlyMap<number, { readonly name: string; readonly sizeBytes: number }> = new Map([
  [TPM_ECC.NIST_P256, { name: "P-256", sizeBytes: 32 }],
  [TPM_ECC.NIST_P384, { name: "P-384", sizeBytes: 48 }],
]);

/** RSA moduli that this package accepts, in bits. */
const RSA_BITS: ReadonlySet<number> = new Set([2048, 3072, 4096]);
const DEFAULT_EXPONENT = 65537;

/**
 * The key of a public area for node:crypto. The point must lie on its curve.
 * @throws TpmError `key` where the area holds no usable key, `unsupported` for other curves
 */
export function publicKeyOf(area: TpmtPublic): KeyObject {
  const jwk = area.type === TPM_ALG.ECC ? eccJwk(area) : rsaJwk(area);
  try {
    return createPublicKey({ key: jwk, format: "jwk" });
  } catch (cause) {
    throw new TpmError("key", "Convert TPMT_PUBLIC failed: the key is not valid on its curve", { cause });
  }
}

/** The SubjectPublicKeyInfo (DER) of a public area. Throws as {@link publicKeyOf}. */
export function tpmPublicToSpki(area: TpmtPublic): Uint8Array {
  return new Uint8Array(publicKeyOf(area).export({ type: "spki", format: "der" }));
}

/** Pads a big-endian number on the left; TPMs may leave out leading zero bytes. */
export function leftPad(bytes: Uint8Array, sizeBytes: number, field: string): Uint8Array {
  if (bytes.length > sizeBytes) {
    throw new TpmError("key", `Read ${field} failed: got ${bytes.length} bytes, wanted at most ${sizeBytes}`);
  }
  const padded = new Uint8Array(sizeBytes);
  padded.set(bytes, sizeBytes - bytes.length);
  return padded;
}

function eccJwk(area: EccPublic): { kty: string; crv: string; x: string; y: string } {
  const curve = CURVES.get(area.parameters.curveID);
  if (curve === undefined) {
    throw new TpmError(
      "unsupported",
      `Convert TPMT_PUBLIC failed: got curve "${area.parameters.curveID}", wanted P-256 or P-384`,
    );
  }
  return {
    kty: "EC",
    crv: curve.name,
    x: base64url(leftPad(area.unique.x, curve.sizeBytes, "TPMS_ECC_POINT.x")),
    y: base64url(leftPad(area.unique.y, curve.sizeBytes, "TPMS_ECC_POINT.y")),
  };
}

function rsaJwk(area: RsaPublic): { kty: string; n: string; e: string } {
  const { keyBits, exponent } = area.parameters;
  if (!RSA_BITS.has(keyBits) || area.unique.length !== keyBits / 8 || ((area.unique[0] as number) & 0x80) === 0) {
    throw new TpmError(
      "key",
      `Convert TPMT_PUBLIC failed: got an RSA modulus of ${area.unique.length} bytes for ${keyBits} bits`,
    );
  }
  if (exponent !== 0 && exponent !== DEFAULT_EXPONENT) {
    throw new TpmError("key", `Convert TPMT_PUBLIC failed: got RSA exponent "${exponent}", wanted "65537"`);
  }
  return { kty: "RSA", n: base64url(area.unique), e: base64url(Uint8Array.of(1, 0, 1)) };
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
