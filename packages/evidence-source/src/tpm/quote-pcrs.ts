import { concat, equalConstantTime } from "@constellation/bytes";
import { digest } from "@constellation/crypto";
import { parseQuoteAttest, type Tpm } from "@constellation/tpm2";
import { EvidenceSourceError } from "../error.ts";

/** A quote over the SHA-256 bank, and the values it is over. */
export interface PcrQuote {
  /** TPMS_ATTEST. */
  readonly quote: Uint8Array;
  /** TPMT_SIGNATURE. */
  readonly signature: Uint8Array;
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
}

/** All PCRs of evidence are quoted, so that no policy can ask for one that is missing. */
const QUOTED_PCRS = Array.from({ length: 16 }, (_, index) => index);
const MAX_ROUNDS = 3;

/**
 * Quotes PCR 0 to 15 with SHA-256 of the report data as qualifying data. Values that changed between reading and
 * quoting are read again. @throws EvidenceSourceError `pcrs_changing`, TpmError
 */
export async function quotePcrs(
  tpm: Tpm,
  akHandle: number,
  reportData: Uint8Array,
  signal: AbortSignal,
): Promise<PcrQuote> {
  const qualifyingData = digest("sha256", reportData);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const pcrs = await tpm.pcrRead(QUOTED_PCRS, signal);
    const { quoted, signature } = await tpm.quote(akHandle, qualifyingData, QUOTED_PCRS, signal);
    const values = QUOTED_PCRS.map((index) => pcrs.get(index) as Uint8Array);
    const { pcrDigest } = parseQuoteAttest(quoted);
    if (equalConstantTime(pcrDigest, digest("sha256", concat(...values)))) return { quote: quoted, signature, pcrs };
  }
  throw new EvidenceSourceError(
    "pcrs_changing",
    `Quote PCRs failed: got other values than were read in ${MAX_ROUNDS} rounds, wanted the same`,
  );
}
