import { Cursor } from "@constellation/bytes";

/** An SGX report body, here of the quoting enclave (Intel SDM volume 3D, 38.15; quoting library API, A.3.10). */
export interface EnclaveReport {
  /** The whole report, which the PCK signs. */
  readonly encoding: Uint8Array;
  readonly CPUSVN: Uint8Array;
  /** 4 bytes, little-endian. */
  readonly MISCSELECT: Uint8Array;
  readonly ISVEXTPRODID: Uint8Array;
  /** 16 bytes: flags, then XFRM. */
  readonly ATTRIBUTES: Uint8Array;
  readonly MRENCLAVE: Uint8Array;
  readonly MRSIGNER: Uint8Array;
  readonly CONFIGID: Uint8Array;
  readonly ISVPRODID: number;
  readonly ISVSVN: number;
  readonly CONFIGSVN: number;
  readonly ISVFAMILYID: Uint8Array;
  readonly REPORTDATA: Uint8Array;
}

/** Size of an SGX report body. */
export const ENCLAVE_REPORT_BYTES = 384;

/**
 * Reads a report of exactly `ENCLAVE_REPORT_BYTES`. Its reserved parts are not judged: the quoting API gives them no
 * value, and later processors have put fields there. Throws `BytesError` for another size.
 */
export function readEnclaveReport(encoding: Uint8Array): EnclaveReport {
  const cursor = new Cursor(encoding);
  const CPUSVN = cursor.take(16);
  const MISCSELECT = cursor.take(4);
  cursor.take(12);
  const ISVEXTPRODID = cursor.take(16);
  const ATTRIBUTES = cursor.take(16);
  const MRENCLAVE = cursor.take(32);
  cursor.take(32);
  const MRSIGNER = cursor.take(32);
  cursor.take(32);
  const CONFIGID = cursor.take(64);
  const ISVPRODID = cursor.u16le();
  const ISVSVN = cursor.u16le();
  const CONFIGSVN = cursor.u16le();
  cursor.take(42);
  const ISVFAMILYID = cursor.take(16);
  const REPORTDATA = cursor.take(64);
  cursor.end();
  return {
    encoding,
    CPUSVN,
    MISCSELECT,
    ISVEXTPRODID,
    ATTRIBUTES,
    MRENCLAVE,
    MRSIGNER,
    CONFIGID,
    ISVPRODID,
    ISVSVN,
    CONFIGSVN,
    ISVFAMILYID,
    REPORTDATA,
  };
}
