import { equalConstantTime } from "@constellation/bytes";
import type { SevSnpParts } from "@constellation/evidence";
import { parseReport, type Report } from "@constellation/sev-snp";
import { EvidenceSourceError } from "../error.ts";
import type { SourceDependencies } from "../system/dependencies.ts";
import { getTsmReport } from "../tsm/tsm-report.ts";
import { hostEndorsements } from "./host-certificates.ts";
import type { PartSource } from "./part-source.ts";

/** An SEV-SNP report of this machine, with what its host hands out along with it. */
export function sevSnpPart(entry: string, tools: Pick<SourceDependencies, "files" | "clock">): PartSource<SevSnpParts> {
  return async (reportData, signal) => {
    const request = { provider: "sev_guest", entry, reportData } as const;
    const { outblob, auxblob } = await getTsmReport(request, tools, signal);
    const { signingKey, ...report } = parsed(outblob);
    if (!equalConstantTime(report.reportData, reportData)) {
      throw new EvidenceSourceError(
        "blob_malformed",
        "Read SEV-SNP report failed: got one for other report data, wanted this caller's",
      );
    }
    return { report: outblob, ...hostEndorsements(auxblob, signingKey) };
  };
}

function parsed(outblob: Uint8Array): Report {
  try {
    return parseReport(outblob);
  } catch (cause) {
    const message = `Read SEV-SNP report failed: ${(cause as Error).message}`;
    throw new EvidenceSourceError("blob_malformed", message, { cause });
  }
}
