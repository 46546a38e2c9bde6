import { hex } from "@constellation/bytes";
import { EventLogError, parseCcEventLog, parseEventLog, parseLegacyEventLog } from "@constellation/eventlog";
import type { Json } from "@constellation/fields";
import { HclError, parseHclReport, parseRuntimeClaims } from "@constellation/hcl";
import { claimsOf as nitroClaims, NitroError, parseDocument } from "@constellation/nitro";
import {
  claimsOf as reportClaims,
  parseCertificateTable,
  parseReport,
  productOfCpuid,
  type Report,
  REPORT_BYTES,
  SevSnpError,
} from "@constellation/sev-snp";
import { parseQeIdentity, parseQuote, parseTcbInfo, quoteClaims, TdxError } from "@constellation/tdx";
import { parsePublic, parseQuoteAttest, parseSignature, selectedPcrs, TpmError } from "@constellation/tpm2";
import { pemToDer, X509Error } from "@constellation/x509";
import { EvidenceError } from "../error.ts";
import { pemCertificates } from "../pem.ts";
import { showCertificate, showCrl } from "./certificates.ts";
import { showEventLog } from "./event-logs.ts";
import { plain } from "./plain.ts";

/** What a file is, and what it says. Nothing in it is verified. */
export interface ShownEvidence {
  readonly format: string;
  readonly contents: Json;
}

interface Format {
  readonly name: string;
  /** Whether bytes start as this format does; cheap, and never throws. */
  readonly isLike: (bytes: Uint8Array) => boolean;
  readonly read: (bytes: Uint8Array) => Json;
}

const TDX_TEE_TYPE = 0x81;
const SPEC_ID_OFFSET = 32;

/** In the order in which they are tried: those with a start of their own first. */
const FORMATS: readonly Format[] = [
  { name: "PEM", isLike: (bytes) => isText(bytes, 0, "-----BEGIN "), read: showPem },
  { name: "Azure HCL report", isLike: (bytes) => isText(bytes, 0, "HCLA"), read: showHcl },
  { name: "TPMS_ATTEST (TPM quote)", isLike: (bytes) => isText(bytes, 0, "\xffTCG"), read: showQuoteAttest },
  {
    name: "Intel TDX quote",
    isLike: (bytes) => [4, 5].includes(u16(bytes, 0)) && u32(bytes, 4) === TDX_TEE_TYPE,
    read: (bytes) => showTdQuote(bytes),
  },
  { name: "AMD SEV-SNP report", isLike: isReport, read: (bytes) => showReport(parseReport(bytes)) },
  {
    name: "event log of a confidential machine",
    isLike: (bytes) => isSpecId(bytes) && u32(bytes, 0) === 1,
    read: (bytes) => showEventLog(parseCcEventLog(bytes)),
  },
  { name: "TCG event log", isLike: isSpecId, read: (bytes) => showEventLog(parseEventLog(bytes)) },
  {
    name: "AWS Nitro attestation document",
    isLike: (bytes) => bytes[0] === 0x84 || (bytes[0] === 0xd2 && bytes[1] === 0x84),
    read: (bytes) => plain(nitroClaims(parseDocument(bytes).document)),
  },
  { name: "X.509 certificate", isLike: isDer, read: showCertificate },
  { name: "X.509 CRL", isLike: isDer, read: showCrl },
  { name: "Intel TCB info", isLike: isJson, read: (bytes) => plain(parseTcbInfo(bytes)) },
  { name: "Intel enclave identity", isLike: isJson, read: (bytes) => plain(parseQeIdentity(bytes)) },
  {
    name: "TPMT_PUBLIC",
    isLike: (bytes) => [1, 0x23].includes(u16be(bytes, 0)),
    read: (bytes) => plain(parsePublic(bytes)),
  },
  {
    name: "TPMT_SIGNATURE",
    isLike: (bytes) => [0x14, 0x16, 0x18].includes(u16be(bytes, 0)),
    read: (bytes) => plain(parseSignature(bytes)),
  },
  { name: "SEV-SNP certificate table", isLike: () => true, read: (bytes) => plain(parseCertificateTable(bytes)) },
  {
    name: "TCG event log of the time before digest banks",
    isLike: isLegacyLog,
    read: (bytes) => showEventLog(parseLegacyEventLog(bytes)),
  },
];

/** What parsers throw; anything else is a fault of ours. */
const REFUSALS = [EventLogError, EvidenceError, HclError, NitroError, SevSnpError, TdxError, TpmError, X509Error];

/**
 * Tells what a file is by its contents, and what it says.
 * @throws EvidenceError `format_unknown`; its message says why the likeliest formats do not fit
 */
export function showEvidence(bytes: Uint8Array): ShownEvidence {
  const refusals: string[] = [];
  for (const { name, isLike, read } of FORMATS) {
    if (!isLike(bytes)) continue;
    try {
      return { format: name, contents: read(bytes) };
    } catch (error) {
      if (!REFUSALS.some((refusal) => error instanceof refusal)) throw error;
      refusals.push(`no ${name}: ${(error as Error).message}`);
    }
  }
  throw new EvidenceError(
    "format_unknown",
    `Show evidence failed: got ${bytes.length} bytes of no known format: ${refusals.join("; ")}`,
  );
}

function showPem(bytes: Uint8Array): Json {
  return pemCertificates(bytes).map((pem) => showCertificate(pemToDer(pem)));
}

function showReport(report: Report): Json {
  // Version 2 does not tell the CPU; TCB versions are then in the layout of Milan and Genoa.
  const product = report.cpuid === undefined ? "Milan" : (productOfCpuid(report.cpuid) ?? "Milan");
  return plain(reportClaims(report, product));
}

function showTdQuote(bytes: Uint8Array): Json {
  return plain(quoteClaims(parseQuote(bytes)));
}

function showHcl(bytes: Uint8Array): Json {
  const { hwReport, variableData, ...header } = parseHclReport(bytes);
  const claims = parseRuntimeClaims(variableData);
  const hardware = header.reportType === "sev-snp" ? showReport(parseReport(hwReport)) : hex(hwReport);
  return { ...(plain(header) as object), hwReport: hardware, runtimeClaims: plain(claims) };
}

function showQuoteAttest(bytes: Uint8Array): Json {
  const { pcrSelect, ...others } = parseQuoteAttest(bytes);
  const selected = pcrSelect.map((bank) => ({ hash: bank.hash, pcrs: selectedPcrs(bank) }));
  return { ...(plain(others) as object), pcrSelect: selected };
}

/** Exactly the size of a report, and a version that there is. */
function isReport(bytes: Uint8Array): boolean {
  return bytes.length === REPORT_BYTES && u32(bytes, 0) >= 1 && u32(bytes, 0) <= 16;
}

function isSpecId(bytes: Uint8Array): boolean {
  return isText(bytes, SPEC_ID_OFFSET, "Spec ID Event03");
}

/** A register of a TPM, an event type, and a first event that is no Spec ID event. */
function isLegacyLog(bytes: Uint8Array): boolean {
  return bytes.length > SPEC_ID_OFFSET && u32(bytes, 0) < 24 && !isSpecId(bytes);
}

function isDer(bytes: Uint8Array): boolean {
  return bytes[0] === 0x30;
}

function isJson(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7b;
}

function isText(bytes: Uint8Array, offset: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[offset + i] !== text.charCodeAt(i)) return false;
  return true;
}

function u16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8);
}

function u16be(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

function u32(bytes: Uint8Array, offset: number): number {
  return (u16(bytes, offset) | (u16(bytes, offset + 2) << 16)) >>> 0;
}
