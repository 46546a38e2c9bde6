import { concat, Cursor } from "@constellation/bytes";

/** The fields that the TD quote bodies of all versions have (Intel TDX DCAP Quoting Library API, A.3.2). */
interface TdReport10Fields {
  /** 16 SVNs; the one at index 1 is the major version of the TDX module, the one at index 0 its SVN. */
  readonly TEE_TCB_SVN: Uint8Array;
  /** SHA-384 measurement of the TDX module. */
  readonly MRSEAM: Uint8Array;
  /** SHA-384 of the key that signed the TDX module; zeros for Intel. */
  readonly MRSIGNERSEAM: Uint8Array;
  /** 8 bytes. */
  readonly SEAMATTRIBUTES: Uint8Array;
  /** 8 bytes, little-endian; see `readTdAttributes`. */
  readonly TDATTRIBUTES: Uint8Array;
  /** 8 bytes, little-endian; see `readXfam`. */
  readonly XFAM: Uint8Array;
  /** SHA-384 measurement of the TD's initial contents. */
  readonly MRTD: Uint8Array;
  readonly MRCONFIGID: Uint8Array;
  readonly MROWNER: Uint8Array;
  readonly MROWNERCONFIG: Uint8Array;
  readonly RTMR0: Uint8Array;
  readonly RTMR1: Uint8Array;
  readonly RTMR2: Uint8Array;
  readonly RTMR3: Uint8Array;
  /** 64 bytes that the TD chose. */
  readonly REPORTDATA: Uint8Array;
}

/** The TD quote body for TDX 1.0. */
export interface TdReport10 extends TdReport10Fields {
  readonly tdxVersion: "1.0";
}

/**
 * What the extended body for TDX 1.5 adds (`sgx_report2_body_v1_5_ex_t` in sgx_quote_5.h of Intel's DCAP): the VM that
 * asked, and where the TD came from. What is said of service TDs is zero without the TD attribute SERVTD_EXT.
 */
interface TdReport15Extension {
  /** 1 byte: 0 for a TD that is not partitioned. */
  readonly VMID: Uint8Array;
  /** 32 bytes that stay with a TD through updates of the module and migration. */
  readonly TD_ID: Uint8Array;
  /** Hash of what is known of the devices. */
  readonly DEVINFO: Uint8Array;
  readonly INIT_SERVTD_HASH: Uint8Array;
  readonly INIT_SERVTD_ATTR: Uint8Array;
  /** The SVNs, and the platform they were of, at the creation of the TD. */
  readonly INIT_CPUSVN: Uint8Array;
  readonly INIT_TEE_TCB_SVN: Uint8Array;
  readonly INIT_TEE_FMSPC: Uint8Array;
  readonly CURR_SERVTD_HASH: Uint8Array;
  readonly CURR_SERVTD_ATTR: Uint8Array;
}

/**
 * The TD quote body for TDX 1.5 (Intel TDX DCAP Quoting Library API, A.4.3). All fields of the extended one are there, or
 * none.
 */
export interface TdReport15 extends TdReport10Fields, Partial<TdReport15Extension> {
  readonly tdxVersion: "1.5";
  /** The SVNs now, where TEE_TCB_SVN has those at the TD's launch: the module can be updated under a running TD. */
  readonly TEE_TCB_SVN_2: Uint8Array;
  /** SHA-384 of the service TDs bound to this one; zeros where there are none. */
  readonly MRSERVICETD: Uint8Array;
}

/** A TD quote body of either version. Byte arrays are views of the input. */
export type TdReport = TdReport10 | TdReport15;

/** Size of a TD quote body for TDX 1.0. */
export const TD_REPORT_10_BYTES = 584;
/** Size of a TD quote body for TDX 1.5. */
export const TD_REPORT_15_BYTES = 648;
/** Size of an extended TD quote body for TDX 1.5. */
export const TD_REPORT_15_EX_BYTES = 885;

const SVN_BYTES = 16;
const MEASUREMENT_BYTES = 48;
const ATTRIBUTES_BYTES = 8;
const REPORT_DATA_BYTES = 64;

/** Reads a body of exactly `TD_REPORT_10_BYTES`. Throws `BytesError` for another size. */
export function readTdReport10(bytes: Uint8Array): TdReport10 {
  const cursor = new Cursor(bytes);
  const fields = readFields(cursor);
  cursor.end();
  return { tdxVersion: "1.0", ...fields };
}

/** Size of a TDREPORT_STRUCT, which a TD gets from its module, and a quote is made of. */
const TDREPORT_STRUCT_BYTES = 1024;

/**
 * What a TDREPORT says, as the body of a quote of TDX 1.0 (Intel TDX Module ABI Specification, TDREPORT_STRUCT: REPORTDATA of
 * REPORTMACSTRUCT, TEE_TCB_INFO, TDINFO_STRUCT). Bytes behind it are left aside. Nothing but its own CPU can tell whether it
 * is genuine. Throws `BytesError` for fewer than 1024 bytes.
 */
export function readTdReportStruct(bytes: Uint8Array): TdReport10 {
  const struct = new Cursor(bytes).take(TDREPORT_STRUCT_BYTES);
  return readTdReport10(concat(struct.subarray(264, 384), struct.subarray(512, 912), struct.subarray(128, 192)));
}

/** Reads a body of exactly `TD_REPORT_15_BYTES`. Throws `BytesError` for another size. */
export function readTdReport15(bytes: Uint8Array): TdReport15 {
  const cursor = new Cursor(bytes);
  const report = readFields15(cursor);
  cursor.end();
  return report;
}

/** Reads a body of exactly `TD_REPORT_15_EX_BYTES`. Throws `BytesError` for another size. */
export function readTdReport15Ex(bytes: Uint8Array): TdReport15 {
  const cursor = new Cursor(bytes);
  const report = { ...readFields15(cursor), ...readExtension(cursor) };
  cursor.end();
  return report;
}

function readFields15(cursor: Cursor): TdReport15 {
  const fields = readFields(cursor);
  const TEE_TCB_SVN_2 = cursor.take(SVN_BYTES);
  const MRSERVICETD = cursor.take(MEASUREMENT_BYTES);
  return { tdxVersion: "1.5", ...fields, TEE_TCB_SVN_2, MRSERVICETD };
}

function readExtension(cursor: Cursor): TdReport15Extension {
  return {
    VMID: cursor.take(1),
    TD_ID: cursor.take(32),
    DEVINFO: cursor.take(MEASUREMENT_BYTES),
    INIT_SERVTD_HASH: cursor.take(MEASUREMENT_BYTES),
    INIT_SERVTD_ATTR: cursor.take(ATTRIBUTES_BYTES),
    INIT_CPUSVN: cursor.take(SVN_BYTES),
    INIT_TEE_TCB_SVN: cursor.take(SVN_BYTES),
    INIT_TEE_FMSPC: cursor.take(12),
    CURR_SERVTD_HASH: cursor.take(MEASUREMENT_BYTES),
    CURR_SERVTD_ATTR: cursor.take(ATTRIBUTES_BYTES),
  };
}

/** The fields in their order; the members of an object literal are evaluated in theirs. */
function readFields(cursor: Cursor): TdReport10Fields {
  return {
    TEE_TCB_SVN: cursor.take(SVN_BYTES),
    MRSEAM: cursor.take(MEASUREMENT_BYTES),
    MRSIGNERSEAM: cursor.take(MEASUREMENT_BYTES),
    SEAMATTRIBUTES: cursor.take(ATTRIBUTES_BYTES),
    TDATTRIBUTES: cursor.take(ATTRIBUTES_BYTES),
    XFAM: cursor.take(ATTRIBUTES_BYTES),
    MRTD: cursor.take(MEASUREMENT_BYTES),
    MRCONFIGID: cursor.take(MEASUREMENT_BYTES),
    MROWNER: cursor.take(MEASUREMENT_BYTES),
    MROWNERCONFIG: cursor.take(MEASUREMENT_BYTES),
    RTMR0: cursor.take(MEASUREMENT_BYTES),
    RTMR1: cursor.take(MEASUREMENT_BYTES),
    RTMR2: cursor.take(MEASUREMENT_BYTES),
    RTMR3: cursor.take(MEASUREMENT_BYTES),
    REPORTDATA: cursor.take(REPORT_DATA_BYTES),
  };
}
