import { readU64 } from "./td-attributes.ts";

/** XFAM, read. */
export interface Xfam {
  readonly value: bigint;
  /** Bits that no extended feature has, in their places. The specification wants zero. */
  readonly reserved: bigint;
  /** Whether x87 and SSE are on, which no TD can do without. */
  readonly hasFixed1: boolean;
}

/** x87 and SSE. */
const FIXED_1 = 0x3n;
/**
 * x87, SSE, AVX, AVX-512 (5 to 7), PT (8), PKRU (9), CET (11, 12), ULI (14), LBR (15), AMX (17, 18), APX (19). The
 * others of XCR0 and IA32_XSS are not for TDs: MPX (3, 4), PASID (10), HDC (13), HWP (16).
 */
const DEFINED = 0xe_dbe7n;

/** Reads the 8 bytes of XFAM (Intel TDX Module Base Architecture Specification, XFAM). Throws `BytesError`. */
export function readXfam(bytes: Uint8Array): Xfam {
  const value = readU64(bytes);
  return { value, reserved: value & ~DEFINED, hasFixed1: (value & FIXED_1) === FIXED_1 };
}
