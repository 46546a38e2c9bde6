import { equalConstantTime } from "@constellation/bytes";
import type { TdxParts } from "@constellation/evidence";
import { parseQuote, type TdQuote } from "@constellation/tdx";
import { EvidenceSourceError } from "../error.ts";
import type { SourceDependencies } from "../system/dependencies.ts";
import { CC_EVENT_LOG, readEventLog } from "../tpm/event-log.ts";
import { getTsmReport } from "../tsm/tsm-report.ts";
import type { PartSource } from "./part-source.ts";

/** A TD quote of this machine. Intel's collateral is for the verifier to add. */
export function tdxPart(entry: string, tools: Pick<SourceDependencies, "files" | "clock">): PartSource<TdxParts> {
  return async (reportData, signal) => {
    const request = { provider: "tdx_guest", entry, reportData } as const;
    const { outblob: quote } = await getTsmReport(request, tools, signal);
    if (!equalConstantTime(parsedQuote(quote).body.REPORTDATA, reportData)) {
      throw new EvidenceSourceError(
        "blob_malformed",
        "Read TD quote failed: got one for other report data, wanted this caller's",
      );
    }
    return { quote, collateral: undefined, ccel: await readEventLog(CC_EVENT_LOG, tools.files) };
  };
}

/** @throws EvidenceSourceError `blob_malformed` */
export function parsedQuote(quote: Uint8Array): TdQuote {
  try {
    return parseQuote(quote);
  } catch (cause) {
    const message = `Read TD quote failed: ${(cause as Error).message}`;
    throw new EvidenceSourceError("blob_malformed", message, { cause });
  }
}
