import { digest } from "@constellation/crypto";
import type { HclReport } from "./report.ts";

const REPORT_DATA_BYTES = 64;

/** The report data that the hardware's evidence must have: the hash of the runtime claims, then zeros. */
export function reportDataOf({ reportDataHashType, variableData }: HclReport): Uint8Array {
  const reportData = new Uint8Array(REPORT_DATA_BYTES);
  reportData.set(digest(reportDataHashType, variableData));
  return reportData;
}
