import { BytesError, Cursor } from "@constellation/bytes";
import { attempt } from "./attempt.ts";
import { TdxError } from "./error.ts";
import { type QuoteHeader, readQuoteHeader } from "./quote-header.ts";
import { type QuoteSignatureData, readQuoteSignatureData } from "./quote-signature-data.ts";
import {
  readTdReport10,
  readTdReport15,
  readTdReport15Ex,
  TD_REPORT_10_BYTES,
  TD_REPORT_15_BYTES,
  TD_REPORT_15_EX_BYTES,
  type TdReport,
} from "./td-report.ts";

/** A parsed TD quote. Nothing in it is verified; see `verifyQuote`. Byte arrays are views of the input. */
export interface TdQuote extends QuoteSignatureData {
  readonly header: QuoteHeader;
  readonly body: TdReport;
  /** Header and body, with the body's descriptor where there is one: what the attestation key signs. */
  readonly signed: Uint8Array;
}

/** Largest quote that is looked at, padding included. */
export const MAX_QUOTE_BYTES = 64 * 1024;

/** Body types of a version 5 quote (Intel TDX DCAP Quoting Library API, A.4.2; sgx_quote_5.h for the extended one). */
const TD_REPORT_10_TYPE = 2;
const TD_REPORT_15_TYPE = 3;
const TD_REPORT_15_EX_TYPE = 4;

/**
 * Parses a TD quote of version 4 or 5 that a quoting enclave of Intel made, with ECDSA P-256 and the PCK certificate
 * chain inside. Zero bytes may follow the signature data: some clouds hand out a buffer of fixed size.
 * Throws `TdxError`.
 */
export function parseQuote(bytes: Uint8Array): TdQuote {
  if (bytes.length > MAX_QUOTE_BYTES) {
    throw new TdxError(
      "too_large",
      `Parse TD quote failed: got "${bytes.length}" bytes, wanted "${MAX_QUOTE_BYTES}" or fewer`,
    );
  }
  const { value, error: cause } = attempt([BytesError], () => readQuote(new Cursor(bytes), bytes));
  if (value !== undefined) return value;
  throw new TdxError("quote_length", `Parse TD quote failed: ${cause.message}`, { cause });
}

function readQuote(cursor: Cursor, bytes: Uint8Array): TdQuote {
  const header = readQuoteHeader(cursor);
  const body = header.version === 4 ? readTdReport10(cursor.take(TD_REPORT_10_BYTES)) : readDescribedBody(cursor);
  const signed = new Cursor(bytes).take(cursor.offset);
  const signatureData = readQuoteSignatureData(cursor.take(cursor.u32le()));
  requireZeros(cursor.rest());
  return { header, body, signed, ...signatureData };
}

/** The body of a version 5 quote, with its type and size before it. */
function readDescribedBody(cursor: Cursor): TdReport {
  const type = cursor.u16le();
  const size = cursor.u32le();
  switch (type) {
    case TD_REPORT_10_TYPE:
      return readTdReport10(takeBody(cursor, size, TD_REPORT_10_BYTES));
    case TD_REPORT_15_TYPE:
      return readTdReport15(takeBody(cursor, size, TD_REPORT_15_BYTES));
    case TD_REPORT_15_EX_TYPE:
      return readTdReport15Ex(takeBody(cursor, size, TD_REPORT_15_EX_BYTES));
    default:
      throw new TdxError("body_type", `Parse TD quote failed: got body type "${type}", wanted "2", "3" or "4"`);
  }
}

function takeBody(cursor: Cursor, size: number, wanted: number): Uint8Array {
  if (size !== wanted) {
    throw new TdxError("body_size", `Parse TD quote failed: got a body of "${size}" bytes, wanted "${wanted}"`);
  }
  return cursor.take(size);
}

function requireZeros(padding: Uint8Array): void {
  const at = padding.findIndex((byte) => byte !== 0);
  if (at !== -1) {
    throw new TdxError(
      "quote_trailing",
      `Parse TD quote failed: got other bytes than zeros at "${at}" after the signature data, wanted none`,
    );
  }
}
