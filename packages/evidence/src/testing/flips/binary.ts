import type { Range } from "./range.ts";

/** Azure confidential VMs, "Attestation report structure": signature, version, size, then request type and status. */
const HCL_REQUEST_TYPE = 12;
const HCL_RESERVED = 20;
const HCL_REPORT = 32;
const HCL_REPORT_END = HCL_REPORT + 1184;
/** REPORT_DATA in an SEV-SNP report (AMD 56860, table 23), and REPORTDATA in a TDREPORT (REPORTMACSTRUCT). */
const REPORT_DATA = { "sev-snp": 0x50, tdx: 0x80 } as const;
const REPORT_DATA_BYTES = 64;

const HEADER: Range = { start: HCL_REQUEST_TYPE, end: HCL_RESERVED, reason: "hclHeader" };

/** In the paravisor's report of an Azure machine on SEV-SNP, whose hardware report is signed. */
export function hclOfSevSnp(): Range[] {
  return [HEADER];
}

/** In the paravisor's report of an Azure machine on TDX, whose quote comes beside it. */
export function hclOfTdx(): Range[] {
  return [HEADER, ...aroundReportData("tdx", "tdReport")];
}

/** In a paravisor's report that comes alone. */
export function hclAlone(hardware: keyof typeof REPORT_DATA): Range[] {
  return [HEADER, ...aroundReportData(hardware, "hclAlone")];
}

/** The hardware's report without its report data, which have to be the hash of the paravisor's claims. */
function aroundReportData(hardware: keyof typeof REPORT_DATA, reason: Range["reason"]): Range[] {
  const reportData = HCL_REPORT + REPORT_DATA[hardware];
  return [
    { start: HCL_REPORT, end: reportData, reason },
    { start: reportData + REPORT_DATA_BYTES, end: HCL_REPORT_END, reason },
  ];
}

/** TPMT_PUBLIC (TPM 2.0 Library, Part 2, 12.2.4): type, nameAlg, objectAttributes, authPolicy with its size. */
const NAME_ALG = 2;
const AUTH_POLICY_SIZE = 8;
const AUTH_POLICY = 10;

/** In the public area of a TPM's key. */
export function akTemplate(area: Uint8Array): Range[] {
  const authPolicyBytes = new DataView(area.buffer, area.byteOffset).getUint16(AUTH_POLICY_SIZE);
  return [
    { start: NAME_ALG, end: AUTH_POLICY_SIZE, reason: "akTemplate" },
    { start: AUTH_POLICY, end: AUTH_POLICY + authPolicyBytes, reason: "akTemplate" },
  ];
}
