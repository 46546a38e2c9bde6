import { CryptoError, type EcCurve, ecSpki, importSpki, rsaSpki } from "@constellation/crypto";
import { TPM_ALG, TPM_ECC } from "./constants.ts";
import { TpmError } from "./error.ts";
import type { EccPublic, RsaPublic, TpmtPublic } from "./public-area.ts";

const CURVES: ReadonlyMap<number, { readonly name: EcCurve; readonly sizeBytes: number }> = new Map([
  [TPM_ECC.NIST_P256, { name: "P-256", sizeBytes: 32 }],
  [TPM_ECC.NIST_P384, { name: "P-384", sizeBytes: 48 }],
]);

/** RSA moduli that this package accepts, in bits. */
const RSA_BITS: ReadonlySet<number> = new Set([2048, 3072, 4096]);
const DEFAULT_EXPONENT = 65537;

/**
 * The SubjectPublicKeyInfo (DER) of a public area. The point must lie on its curve.
 * @throws TpmError `key` where the area holds no usable key, `unsupported` for other curves
 */
export function tpmPublicToSpki(area: TpmtPublic): Uint8Array {
  if (area.type === TPM_ALG.RSA) return rsaSpkiOf(area);
  const spki = eccSpki(area);
  try {
    importSpki(spki);
    return spki;
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    throw new TpmError("key", `Convert TPMT_PUBLIC failed: ${cause.message}`, { cause });
  }
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

function eccSpki(area: EccPublic): Uint8Array {
  const curve = CURVES.get(area.parameters.curveID);
  if (curve === undefined) {
    throw new TpmError(
      "unsupported",
      `Convert TPMT_PUBLIC failed: got curve "${area.parameters.curveID}", wanted P-256 or P-384`,
    );
  }
  const { x, y } = area.unique;
  return ecSpki(
    curve.name,
    leftPad(x, curve.sizeBytes, "TPMS_ECC_POINT.x"),
    leftPad(y, curve.sizeBytes, "TPMS_ECC_POINT.y"),
  );
}

function rsaSpkiOf(area: RsaPublic): Uint8Array {
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
  return rsaSpki(area.unique, Uint8Array.of(1, 0, 1));
}
