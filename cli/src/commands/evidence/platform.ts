import type { SevSnpPlatform } from "@constellation/endorsements";
import { parseReport, type Product, productOfCpuid } from "@constellation/sev-snp";
import { CliError } from "../../errors.ts";

/**
 * The platform that a report is of. `stated` is its product line where a report of version 2 does not say it.
 * @throws SevSnpError for what is no report, CliError `usage` for one that nothing endorses
 */
export function sevSnpPlatform(
  what: string,
  bytes: Uint8Array,
  stated: Product | undefined,
  hint: string,
): SevSnpPlatform {
  const { chipId, reportedTcb, signingKey, cpuid } = parseReport(bytes);
  const product = cpuid === undefined ? stated : productOfCpuid(cpuid);
  if (product === undefined) {
    const message = `Read ${what} failed: the report does not say of which product line its CPU is`;
    throw new CliError("usage", message, { hint });
  }
  if (signingKey === "none") throw new CliError("usage", `Read ${what} failed: got a report that is not signed`);
  return { product, kind: signingKey, chipId, tcb: reportedTcb };
}
