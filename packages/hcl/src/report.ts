import { Cursor, hex } from "@constellation/bytes";
import { HclError } from "./error.ts";

/** The hardware's evidence inside: an SEV-SNP report, or a TDREPORT with zeros behind it. */
export const HCL_HW_REPORT_BYTES = 1184;

/** Kinds of hardware evidence, with their numbers in the format. */
const REPORT_TYPES = new Map([
  [2, "sev-snp"],
  [4, "tdx"],
] as const);

/** Hashes of the runtime claims, with their numbers in the format. */
const HASH_TYPES = new Map([
  [1, "sha256"],
  [2, "sha384"],
  [3, "sha512"],
] as const);

export type ReportType = "sev-snp" | "tdx";
export type ReportDataHash = "sha256" | "sha384" | "sha512";

/**
 * What Azure's host compatibility layer keeps in the virtual TPM (NV index 0x01400001). The paravisor made it at boot,
 * so it is not bound to any caller's nonce: the AK in its claims is.
 */
export interface HclReport {
  readonly version: number;
  readonly requestType: number;
  readonly status: number;
  readonly reportType: ReportType;
  readonly reportDataHashType: ReportDataHash;
  /** 1184 bytes. */
  readonly hwReport: Uint8Array;
  /** JSON text, UTF-8, as it was hashed into the hardware's report data. */
  readonly variableData: Uint8Array;
}

/** "HCLA". */
const SIGNATURE = 0x414c4348;
const VERSIONS: ReadonlySet<number> = new Set([1, 2]);
const HEADER_BYTES = 32;
const IGVM_HEADER_BYTES = 20;
const IGVM_VERSION = 1;
const MAX_BYTES = 64 * 1024;
const MAX_CLAIMS_BYTES = 32 * 1024;

/**
 * Parses the blob (Azure confidential VMs, "Attestation report structure"). Zeros behind it are the rest of the NV
 * index; anything else there is refused. Nothing in it is verified.
 * @throws HclError `hcl_format` or `hcl_report_type`
 */
export function parseHclReport(bytes: Uint8Array): HclReport {
  if (bytes.length > MAX_BYTES) throw malformed("blob", `${bytes.length} bytes`, `${MAX_BYTES} or fewer`);
  try {
    return readReport(new Cursor(bytes));
  } catch (cause) {
    if (cause instanceof HclError) throw cause;
    throw new HclError("hcl_format", `Parse HCL report failed: ${(cause as Error).message}`, { cause });
  }
}

function readReport(cursor: Cursor): HclReport {
  const signature = cursor.u32le();
  if (signature !== SIGNATURE) {
    throw malformed("signature", `0x${signature.toString(16)}`, `0x${SIGNATURE.toString(16)}`);
  }
  const version = cursor.u32le();
  if (!VERSIONS.has(version)) throw malformed("version", `${version}`, [...VERSIONS].join(" or "));
  const reportSize = cursor.u32le();
  const requestType = cursor.u32le();
  const status = cursor.u32le();
  requireZeros(cursor.take(12), "header.reserved");
  const hwReport = cursor.take(HCL_HW_REPORT_BYTES);
  const igvm = readIgvmRequest(cursor);
  const wantedSize = HEADER_BYTES + HCL_HW_REPORT_BYTES + IGVM_HEADER_BYTES + igvm.variableData.length;
  if (reportSize !== wantedSize) throw malformed("reportSize", `${reportSize}`, `${wantedSize}`);
  requireZeros(cursor.rest(), "bytes after the report");
  return { version, requestType, status, hwReport, ...igvm };
}

function readIgvmRequest(cursor: Cursor): Pick<HclReport, "reportType" | "reportDataHashType" | "variableData"> {
  const dataSize = cursor.u32le();
  const version = cursor.u32le();
  const reportTypeNumber = cursor.u32le();
  const hashTypeNumber = cursor.u32le();
  const variableDataSize = cursor.u32le();
  if (version !== IGVM_VERSION) throw malformed("runtime data version", `${version}`, `${IGVM_VERSION}`);
  const reportType = (REPORT_TYPES as ReadonlyMap<number, ReportType>).get(reportTypeNumber);
  if (reportType === undefined) {
    throw new HclError(
      "hcl_report_type",
      `Parse HCL report failed: reportType: got ${reportTypeNumber}, wanted ${oneOf(REPORT_TYPES)}`,
    );
  }
  const reportDataHashType = (HASH_TYPES as ReadonlyMap<number, ReportDataHash>).get(hashTypeNumber);
  if (reportDataHashType === undefined) {
    throw malformed("reportDataHashType", `${hashTypeNumber}`, oneOf(HASH_TYPES));
  }
  if (variableDataSize > MAX_CLAIMS_BYTES) {
    throw malformed("variableDataSize", `${variableDataSize}`, `${MAX_CLAIMS_BYTES} or fewer`);
  }
  if (dataSize !== IGVM_HEADER_BYTES + variableDataSize) {
    throw malformed("dataSize", `${dataSize}`, `${IGVM_HEADER_BYTES + variableDataSize}`);
  }
  return { reportType, reportDataHashType, variableData: cursor.take(variableDataSize) };
}

function requireZeros(bytes: Uint8Array, field: string): void {
  if (bytes.some((byte) => byte !== 0)) throw malformed(field, hex(bytes.subarray(0, 32)), "zeros");
}

function oneOf(types: ReadonlyMap<number, string>): string {
  return Array.from(types, ([number, name]) => `${number} (${name})`).join(" or ");
}

function malformed(field: string, got: string, wanted: string): HclError {
  return new HclError("hcl_format", `Parse HCL report failed: ${field}: got ${got}, wanted ${wanted}`);
}
