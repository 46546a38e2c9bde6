import type { Cursor } from "@constellation/bytes";
import { TPM_GENERATED_VALUE, TPM_ST } from "./constants.ts";
import { TpmError } from "./error.ts";
import type { PcrSelection } from "./pcr-selection.ts";
import { readPcrSelections, serializePcrSelections } from "./pcr-selection.ts";
import { parseWhole, readSized, readYesNo } from "./reading.ts";
import { Writer } from "./writer.ts";

/** TPMS_CLOCK_INFO (Part 2, 10.11.1). */
export interface ClockInfo {
  readonly clock: bigint;
  readonly resetCount: number;
  readonly restartCount: number;
  readonly safe: boolean;
}

/** TPMS_ATTEST (Part 2, 10.12.12) of type TPM_ST_ATTEST_QUOTE. */
export interface QuoteAttest {
  readonly qualifiedSigner: Uint8Array;
  readonly extraData: Uint8Array;
  readonly clockInfo: ClockInfo;
  readonly firmwareVersion: bigint;
  readonly pcrSelect: readonly PcrSelection[];
  readonly pcrDigest: Uint8Array;
}

const MAX_NAME_BYTES = 66;
const MAX_DATA_BYTES = 66;
const MAX_DIGEST_BYTES = 64;

/**
 * Parses a TPMS_ATTEST that must be a quote.
 * @throws TpmError `quote_magic`, `quote_type` or `malformed`
 */
export function parseQuoteAttest(bytes: Uint8Array): QuoteAttest {
  return parseWhole("TPMS_ATTEST", bytes, (cursor) => {
    requireMagic(cursor.u32be());
    requireQuoteType(cursor.u16be());
    return {
      qualifiedSigner: readSized(cursor, "TPMS_ATTEST.qualifiedSigner", MAX_NAME_BYTES),
      extraData: readSized(cursor, "TPMS_ATTEST.extraData", MAX_DATA_BYTES),
      clockInfo: readClockInfo(cursor),
      firmwareVersion: cursor.u64be(),
      pcrSelect: readPcrSelections(cursor),
      pcrDigest: readSized(cursor, "TPMS_QUOTE_INFO.pcrDigest", MAX_DIGEST_BYTES),
    };
  });
}

/** The TPMS_ATTEST of a quote as the TPM marshals it; the inverse of {@link parseQuoteAttest}. */
export function serializeQuoteAttest(quote: QuoteAttest): Uint8Array {
  return new Writer()
    .u32(TPM_GENERATED_VALUE)
    .u16(TPM_ST.ATTEST_QUOTE)
    .sized(quote.qualifiedSigner)
    .sized(quote.extraData)
    .u64(quote.clockInfo.clock)
    .u32(quote.clockInfo.resetCount)
    .u32(quote.clockInfo.restartCount)
    .u8(quote.clockInfo.safe ? 1 : 0)
    .u64(quote.firmwareVersion)
    .bytes(serializePcrSelections(quote.pcrSelect))
    .sized(quote.pcrDigest)
    .finish();
}

/** Without this value a restricted key could have signed foreign data (Part 1, 31.2). */
function requireMagic(magic: number): void {
  if (magic === TPM_GENERATED_VALUE) return;
  throw new TpmError(
    "quote_magic",
    `Parse TPMS_ATTEST failed: got magic "0x${magic.toString(16)}", wanted "0xff544347"`,
  );
}

function requireQuoteType(type: number): void {
  if (type === TPM_ST.ATTEST_QUOTE) return;
  throw new TpmError(
    "quote_type",
    `Parse TPMS_ATTEST failed: got type "0x${type.toString(16)}", wanted quote "0x8018"`,
  );
}

function readClockInfo(cursor: Cursor): ClockInfo {
  return {
    clock: cursor.u64be(),
    resetCount: cursor.u32be(),
    restartCount: cursor.u32be(),
    safe: readYesNo(cursor, "TPMS_CLOCK_INFO.safe"),
  };
}
