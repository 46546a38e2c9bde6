import { concat } from "@constellation/bytes";

/** SIGNATURE of a report: r and s, little-endian in 72 bytes each (AMD 56860 chapter 10, ECDSA P-384 signature). */
export interface RawSignature {
  readonly r: Uint8Array;
  readonly s: Uint8Array;
}

/** SIGNATURE_ALGO: ECDSA P-384 with SHA-384; all other values are reserved (AMD 56860 chapter 10). */
export const ECDSA_P384_SHA384 = 1;
/** Bytes of r and of s in SIGNATURE. */
export const SIGNATURE_COMPONENT_BYTES = 72;

const SCALAR_BYTES = 48;
/** The order of P-384 (NIST SP 800-186 section 3.2.1.4). */
const ORDER = BigInt(
  "0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
);

/**
 * The signature as r and s of 48 bytes each, big-endian, or undefined where one of them is no scalar: the upper 24
 * bytes must be zero, and the value between 1 and the group order less one (FIPS 186-5 section 6.4.2).
 */
export function fixedSignature({ r, s }: RawSignature): Uint8Array | undefined {
  return isScalar(r) && isScalar(s) ? concat(bigEndian(r), bigEndian(s)) : undefined;
}

function isScalar(component: Uint8Array): boolean {
  if (component.subarray(SCALAR_BYTES).some((byte) => byte !== 0)) return false;
  const value = bigEndian(component).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return value > 0n && value < ORDER;
}

function bigEndian(component: Uint8Array): Uint8Array {
  return component.slice(0, SCALAR_BYTES).reverse();
}
