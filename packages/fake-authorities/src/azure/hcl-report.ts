import { concat } from "@constellation/bytes";
import { HCL_HW_REPORT_BYTES, type ReportDataHash, type ReportType } from "@constellation/hcl";

/** What the paravisor's report is made of. */
export interface HclReportParts {
  readonly reportType: ReportType;
  /** An SEV-SNP report or a TDREPORT; zeros fill up what is left of its place. */
  readonly hwReport: Uint8Array;
  /** JSON text, UTF-8. */
  readonly variableData: Uint8Array;
  readonly hash?: ReportDataHash;
  readonly version?: number;
}

const REPORT_TYPES: Readonly<Record<ReportType, number>> = { "sev-snp": 2, tdx: 4 };
const HASHES: Readonly<Record<ReportDataHash, number>> = { sha256: 1, sha384: 2, sha512: 3 };
/** "HCLA". */
const SIGNATURE = 0x414c4348;
const HEADER_BYTES = 32;
const IGVM_HEADER_BYTES = 20;
const REQUEST_TYPE = 2;
const NV_INDEX_BYTES = 2600;

/** NV index 0x01400001 of an Azure machine's TPM (Azure confidential VMs, "Attestation report structure"). */
export function writeHclReport({ hash = "sha256", version = 2, ...parts }: HclReportParts): Uint8Array {
  const { hwReport, variableData } = parts;
  const dataSize = IGVM_HEADER_BYTES + variableData.length;
  const report = concat(
    words(SIGNATURE, version, HEADER_BYTES + HCL_HW_REPORT_BYTES + dataSize, REQUEST_TYPE, 0, 0, 0, 0),
    hwReport,
    new Uint8Array(HCL_HW_REPORT_BYTES - hwReport.length),
    words(dataSize, 1, REPORT_TYPES[parts.reportType], HASHES[hash], variableData.length),
    variableData,
  );
  return concat(report, new Uint8Array(Math.max(0, NV_INDEX_BYTES - report.length)));
}

/** Words of 32 bits, little-endian. */
function words(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}
