import { hex } from "@constellation/bytes";
import type { Product } from "./product.ts";
import type { Report } from "./report.ts";
import { decodeTcbVersion } from "./tcb-version.ts";

/** Where AMD's Key Distribution Service is. */
const KDS = "https://kdsintf.amd.com";
/** Bytes of CHIP_ID that are the HWID on Turin; on others all are. */
const TURIN_HWID_BYTES = 8;

/** Keys that AMD endorses, by their name in addresses. */
export type EndorsementKind = "VCEK" | "VLEK";

/**
 * The address of the VCEK certificate (DER) for a report: of its chip, at its REPORTED_TCB (AMD 57230 section 4.1).
 * Undefined for a report that does not name its chip.
 */
export function vcekUrl(
  { chipId, reportedTcb }: Pick<Report, "chipId" | "reportedTcb">,
  product: Product,
): string | undefined {
  if (chipId.every((byte) => byte === 0)) return undefined;
  const hwId = product === "Turin" ? chipId.subarray(0, TURIN_HWID_BYTES) : chipId;
  const { fmc, bootLoader, tee, snp, microcode } = decodeTcbVersion(reportedTcb, product);
  const query = [
    ...(fmc === undefined ? [] : [["fmcSPL", fmc]]),
    ["blSPL", bootLoader],
    ["teeSPL", tee],
    ["snpSPL", snp],
    ["ucodeSPL", microcode],
  ].map(([name, svn]) => `${name}=${String(svn).padStart(2, "0")}`);
  return `${KDS}/vcek/v1/${product}/${hex(hwId)}?${query.join("&")}`;
}

/** The address of ASK or ASVK and ARK (PEM, two blocks) of a product line (AMD 57230 section 4.2). */
export function caChainUrl(kind: EndorsementKind, product: Product): string {
  return `${KDS}/${kind.toLowerCase()}/v1/${product}/cert_chain`;
}

/** The address of the CRL (DER) of a product line's ARK (AMD 57230 section 4.3). */
export function crlUrl(kind: EndorsementKind, product: Product): string {
  return `${KDS}/${kind.toLowerCase()}/v1/${product}/crl`;
}
