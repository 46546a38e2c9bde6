import { type Cursor, equalConstantTime, fromHex, hex } from "@constellation/bytes";
import { TdxError } from "./error.ts";

/** The header of a TD quote (Intel TDX DCAP Quoting Library API, A.3.1 and A.4.1). */
export interface QuoteHeader {
  readonly version: 4 | 5;
  /** 2: ECDSA-256-with-P-256. */
  readonly attestationKeyType: 2;
  /** 0x81: TDX. */
  readonly teeType: 0x81;
  /** 16 bytes: Intel's quoting enclave. */
  readonly qeVendorId: Uint8Array;
  /** 20 bytes that the quoting enclave chooses. */
  readonly userData: Uint8Array;
}

const TEE_TYPE_SGX = 0x00;
const TEE_TYPE_TDX = 0x81;
const ECDSA_P256 = 2;
const RESERVED_BYTES = 4;
const VENDOR_ID_BYTES = 16;
const USER_DATA_BYTES = 20;
const INTEL_QE_VENDOR_ID = fromHex("939a7233f79c4ca9940a0db3957f0607");

/**
 * Reads the 48 bytes of a header. The TEE type is judged first: quotes of every version have it at the same place, and
 * an SGX quote is told by it. Throws `TdxError`, and `BytesError` past the end.
 */
export function readQuoteHeader(cursor: Cursor): QuoteHeader {
  const version = cursor.u16le();
  const attestationKeyType = cursor.u16le();
  const teeType = cursor.u32le();
  // Some quoting libraries leave SVNs here, as in version 3. The attestation key signs them; nothing relies on them.
  cursor.take(RESERVED_BYTES);
  const qeVendorId = cursor.take(VENDOR_ID_BYTES);
  const userData = cursor.take(USER_DATA_BYTES);
  requireTdx(teeType);
  if (version !== 4 && version !== 5) throw malformed("quote_version", `version "${version}"`, '"4" or "5"');
  if (attestationKeyType !== ECDSA_P256) {
    throw malformed("attestation_key_type", `attestation key type "${attestationKeyType}"`, '"2", ECDSA P-256');
  }
  if (!equalConstantTime(qeVendorId, INTEL_QE_VENDOR_ID)) {
    throw malformed("qe_vendor_id", `QE vendor ID "${hex(qeVendorId)}"`, `"${hex(INTEL_QE_VENDOR_ID)}"`);
  }
  return { version, attestationKeyType: ECDSA_P256, teeType: TEE_TYPE_TDX, qeVendorId, userData };
}

function requireTdx(teeType: number): void {
  if (teeType === TEE_TYPE_TDX) return;
  const code = teeType === TEE_TYPE_SGX ? "tee_type_sgx" : "tee_type";
  throw malformed(code, `TEE type "0x${teeType.toString(16)}"`, '"0x81", TDX');
}

function malformed(code: TdxError["code"], got: string, wanted: string): TdxError {
  return new TdxError(code, `Parse TD quote failed: got ${got}, wanted ${wanted}`);
}
