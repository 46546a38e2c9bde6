import { equalConstantTime } from "@constellation/bytes";
import type { PlatformEvidence } from "@constellation/attestation";
import { type ReportType, reportDataOf } from "@constellation/hcl";
import { EvidenceSourceError } from "../error.ts";
import { type AmdCertification, getAmdCertification } from "../metadata/amd-certification.ts";
import type { MetadataClient } from "../metadata/metadata-client.ts";
import { getTdQuote, TDREPORT_BYTES } from "../metadata/td-quote.ts";
import type { SourceDependencies } from "../system/dependencies.ts";
import { Remembered } from "../system/remembered.ts";
import { AZURE_AK_HANDLE } from "../tpm/attestation-key.ts";
import { readEventLog, TPM_EVENT_LOG } from "../tpm/event-log.ts";
import { requireHclReport } from "../tpm/hcl.ts";
import { quotePcrs } from "../tpm/quote-pcrs.ts";
import type { SharedTpm } from "../tpm/shared-tpm.ts";
import type { PartSource } from "./part-source.ts";
import { parsedQuote } from "./tdx.ts";

type AzureSevSnpPart = Extract<PlatformEvidence, { readonly variant: "azure-sev-snp" }>["azure"];
type AzureTdxPart = Extract<PlatformEvidence, { readonly variant: "azure-tdx" }>["azure"];

/** What evidence under a paravisor comes from. */
export interface AzureTools extends Pick<SourceDependencies, "files" | "clock"> {
  readonly tpm: SharedTpm;
  readonly metadata: MetadataClient;
}

/** The host's answers are about the hardware's report, which stays the same for a boot; TCBs change once in a while. */
const MAX_AGE_MS = 3_600_000;

/** The paravisor's report and a quote of its virtual TPM, with the certificates that Azure's host keeps of AMD. */
export function azureSevSnpPart(tools: AzureTools): PartSource<AzureSevSnpPart> {
  const certification = new Remembered<AmdCertification>(MAX_AGE_MS, tools.clock);
  return async (reportData, signal) => {
    const { hwReport, evidence } = await underParavisor("sev-snp", tools, reportData, signal);
    const endorsements = await certification.get(hwReport, () => getAmdCertification(tools.metadata, signal));
    return { ...evidence, ...endorsements, crls: [] };
  };
}

/** The paravisor's report and a quote of its virtual TPM, with the TD quote that Azure's host makes of the report. */
export function azureTdxPart(tools: AzureTools): PartSource<AzureTdxPart> {
  const quotes = new Remembered<Uint8Array>(MAX_AGE_MS, tools.clock);
  return async (reportData, signal) => {
    const { hwReport, evidence, claimed } = await underParavisor("tdx", tools, reportData, signal);
    const quote = await quotes.get(hwReport, async () => {
      const made = await getTdQuote(tools.metadata, hwReport.slice(0, TDREPORT_BYTES), signal);
      requireOfReport(made, hwReport, claimed);
      return made;
    });
    return { ...evidence, tdx: { quote, collateral: undefined, ccel: undefined } };
  };
}

/** MRTD in a TDREPORT (Intel TDX module ABI, TDREPORT_STRUCT: TDINFO is at 512, and MRTD at 16 in it). */
const MRTD = { start: 528, end: 576 } as const;

/** The quote is of the report where it has what the paravisor claimed, and the paravisor's measurement. */
function requireOfReport(quote: Uint8Array, tdReport: Uint8Array, claimed: Uint8Array): void {
  const { body } = parsedQuote(quote);
  const measured = tdReport.subarray(MRTD.start, MRTD.end);
  if (equalConstantTime(body.REPORTDATA, claimed) && equalConstantTime(body.MRTD, measured)) return;
  throw new EvidenceSourceError(
    "metadata_malformed",
    "Read TD quote failed: got one of another report than the paravisor's, wanted one of it",
  );
}

async function underParavisor(
  hardware: ReportType,
  { tpm, files }: AzureTools,
  reportData: Uint8Array,
  signal: AbortSignal,
) {
  const { hcl, quoted } = await tpm.run(
    "Quote with the paravisor's attestation key",
    async ({ tpm }) => ({
      hcl: await requireHclReport(tpm, hardware, signal),
      quoted: await quotePcrs(tpm, AZURE_AK_HANDLE, reportData, signal),
    }),
    signal,
  );
  const eventLog = await readEventLog(TPM_EVENT_LOG, files);
  return {
    hwReport: hcl.report.hwReport,
    claimed: reportDataOf(hcl.report),
    evidence: { hclReport: hcl.bytes, ...quoted, eventLog },
  };
}
