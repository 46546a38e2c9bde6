import { Cursor } from "@constellation/bytes";
import { ENCLAVE_REPORT_BYTES, type EnclaveReport, readEnclaveReport } from "./enclave-report.ts";
import { TdxError } from "./error.ts";

/** ECDSA 256-bit quote signature data (Intel TDX DCAP Quoting Library API, A.3.8). */
export interface QuoteSignatureData {
  /** r and s of the attestation key over header and body, 32 bytes each, big-endian. */
  readonly quoteSignature: Uint8Array;
  /** x and y of the attestation key, 32 bytes each, big-endian. */
  readonly attestationKey: Uint8Array;
  readonly qeReport: EnclaveReport;
  /** r and s of the PCK over the QE report. */
  readonly qeReportSignature: Uint8Array;
  readonly qeAuthenticationData: Uint8Array;
  /** PEM of the PCK certificate, its CA and the root, in this order. */
  readonly pckCertificateChain: Uint8Array;
}

const SIGNATURE_BYTES = 64;
const KEY_BYTES = 64;
/** Certification data types (A.3.9): a chain in PEM, and the QE report with the data that certifies it. */
const PCK_CERTIFICATE_CHAIN = 5;
const QE_REPORT_CERTIFICATION_DATA = 6;

/** Reads signature data that fills the bytes. Throws `TdxError`, and `BytesError` where lengths don't fit. */
export function readQuoteSignatureData(bytes: Uint8Array): QuoteSignatureData {
  const cursor = new Cursor(bytes);
  const quoteSignature = cursor.take(SIGNATURE_BYTES);
  const attestationKey = cursor.take(KEY_BYTES);
  const certification = new Cursor(readCertificationData(cursor, QE_REPORT_CERTIFICATION_DATA));
  cursor.end();
  return { quoteSignature, attestationKey, ...readQeReportCertificationData(certification) };
}

/** QE Report Certification Data (A.3.11). */
function readQeReportCertificationData(cursor: Cursor): Omit<QuoteSignatureData, "quoteSignature" | "attestationKey"> {
  const qeReport = readEnclaveReport(cursor.take(ENCLAVE_REPORT_BYTES));
  const qeReportSignature = cursor.take(SIGNATURE_BYTES);
  const qeAuthenticationData = cursor.take(cursor.u16le());
  const pckCertificateChain = readCertificationData(cursor, PCK_CERTIFICATE_CHAIN);
  cursor.end();
  return { qeReport, qeReportSignature, qeAuthenticationData, pckCertificateChain };
}

function readCertificationData(cursor: Cursor, wanted: number): Uint8Array {
  const type = cursor.u16le();
  if (type !== wanted) {
    throw new TdxError(
      "certification_data_type",
      `Parse TD quote failed: got certification data type "${type}", wanted "${wanted}"`,
    );
  }
  return cursor.take(cursor.u32le());
}
