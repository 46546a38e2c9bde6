export { HclError, type HclErrorCode } from "./error.ts";
export { HCL_HW_REPORT_BYTES, type HclReport, parseHclReport, type ReportDataHash, type ReportType } from "./report.ts";
export { type HclKey, parseRuntimeClaims, type RuntimeClaims, type VmConfiguration } from "./runtime-claims.ts";
export { reportDataOf } from "./report-data.ts";
