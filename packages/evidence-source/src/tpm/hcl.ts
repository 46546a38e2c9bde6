import { HclError, type HclReport, parseHclReport, type ReportType } from "@constellation/hcl";
import type { Tpm } from "@constellation/tpm2";
import { EvidenceSourceError } from "../error.ts";
import { readNv, requireNv } from "./nv.ts";

/** Where Azure's paravisor keeps its report. */
export const HCL_REPORT_NV = 0x01400001;

/** The paravisor's report as it is, and what it says. */
export interface StoredHclReport {
  readonly bytes: Uint8Array;
  readonly report: HclReport;
}

/**
 * The paravisor's report of wanted hardware.
 * @throws EvidenceSourceError `tpm_missing`, `blob_malformed` or `provider`, TpmError
 */
export async function requireHclReport(tpm: Tpm, wanted: ReportType, signal: AbortSignal): Promise<StoredHclReport> {
  const bytes = await requireNv(tpm, HCL_REPORT_NV, "HCL report", signal);
  const report = parsed(bytes);
  if (report.reportType === wanted) return { bytes, report };
  throw new EvidenceSourceError(
    "provider",
    `Read HCL report failed: got hardware "${report.reportType}", wanted "${wanted}"`,
  );
}

/** The hardware under Azure's paravisor, or undefined where there is no paravisor. @throws EvidenceSourceError, TpmError */
export async function paravisorHardware(tpm: Tpm, signal: AbortSignal): Promise<ReportType | undefined> {
  const bytes = await readNv(tpm, HCL_REPORT_NV, signal);
  return bytes && parsed(bytes).reportType;
}

function parsed(bytes: Uint8Array): HclReport {
  try {
    return parseHclReport(bytes);
  } catch (cause) {
    throw new EvidenceSourceError("blob_malformed", (cause as HclError).message, { cause });
  }
}
