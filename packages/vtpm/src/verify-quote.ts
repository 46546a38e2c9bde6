import { equalConstantTime, hex } from "@constellation/bytes";
import { digest } from "@constellation/crypto";
import { algName, parseQuoteAttest, type QuoteAttest, selectedPcrs, TPM_ALG, TpmError } from "@constellation/tpm2";
import { about, type Check, type Expectation } from "@constellation/verdict";
import type { AttestationKey } from "./attestation-key.ts";
import type { QuoteCode } from "./check-code.ts";
import { type QuoteSignature, verifyQuoteSignature } from "./quote-signature.ts";

const { check, fail, pass } = about("hardware.evidence");
const { expectBytes } = about("instance-identity.binding");

/** PCR banks that may be judged. */
export type TrustedBank = "sha256" | "sha384" | "sha512";

/** What {@link verifyQuote} judges, and against what. */
export interface QuoteInput {
  /** TPMS_ATTEST. */
  readonly quote: Uint8Array;
  readonly signature: QuoteSignature;
  readonly bank: TrustedBank;
  /** Values of PCRs of that bank; the quote must be over exactly these. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /** What the quote must be bound to. */
  readonly qualifyingData: Expectation<Uint8Array>;
}

/** Checks of {@link verifyQuote}, in their order. */
export const QUOTE_CHECKS = [
  "quote.format",
  "quote.magic",
  "quote.type",
  "quote.signature",
  "quote.qualifyingData",
  "quote.pcrSelection",
  "quote.pcrDigest",
] as const;

const BANKS = { sha256: TPM_ALG.SHA256, sha384: TPM_ALG.SHA384, sha512: TPM_ALG.SHA512 } as const;
const VALUE_BYTES = { sha256: 32, sha384: 48, sha512: 64 } as const;

/**
 * Verifies a quote: made by a TPM, signed by the attestation key, bound to the qualifying data, and over exactly the
 * PCR values given. Says nothing on whether the key is a known TPM's or the values are acceptable.
 * A check that could not run is left out; the quote is there where it could be read.
 */
export function verifyQuote(
  input: QuoteInput,
  ak: AttestationKey | undefined,
): { checks: Check<QuoteCode>[]; quote?: QuoteAttest } {
  const signature = ak === undefined ? [] : [verifyQuoteSignature(input.quote, input.signature, ak)];
  let quote: QuoteAttest;
  try {
    quote = parseQuoteAttest(input.quote);
  } catch (error) {
    if (!(error instanceof TpmError)) throw error;
    return { checks: [...signature, ...formatFailure(error)] };
  }
  const checks = [
    pass("quote.format"),
    magicPassed,
    pass("quote.type", { got: "TPM_ST_ATTEST_QUOTE" }),
    ...signature,
    expectBytes<QuoteCode>("quote.qualifyingData", "quote_qualifying_data", quote.extraData, input.qualifyingData),
    ...verifyPcrs(quote, input),
  ];
  return { checks, quote };
}

const magicPassed = pass("quote.magic", { got: "TPM_GENERATED_VALUE" });

function formatFailure({ code, message: reason }: TpmError): Check<QuoteCode>[] {
  switch (code) {
    case "quote_magic":
      return [fail("quote.magic", "quote_magic", { reason })];
    case "quote_type":
      return [magicPassed, fail("quote.type", "quote_type", { reason })];
    default:
      return [fail("quote.format", "quote_malformed", { reason })];
  }
}

function verifyPcrs(quote: QuoteAttest, { bank, pcrs }: QuoteInput): Check<QuoteCode>[] {
  const selection = verifySelection(quote, bank, pcrs);
  if (selection.outcome === "fail") return [selection];
  // Part 3, 18.4: the digest, with the hash of the signing scheme, over the values in ascending order.
  const values = ascending(pcrs.keys()).map((index) => pcrs.get(index) as Uint8Array);
  const computed = digest(hashOfDigest(quote.pcrDigest), ...values);
  const holds = equalConstantTime(quote.pcrDigest, computed);
  return [selection, check(holds, "quote.pcrDigest", "quote_pcr_digest", hex(computed), hex(quote.pcrDigest))];
}

/** By its length; for any other length SHA-256, whose digest then differs. */
function hashOfDigest({ length }: Uint8Array): TrustedBank {
  if (length === 48) return "sha384";
  return length === 64 ? "sha512" : "sha256";
}

/** One bank, the one asked for, and exactly the PCRs whose values are there. */
function verifySelection(
  { pcrSelect }: QuoteAttest,
  bank: TrustedBank,
  pcrs: ReadonlyMap<number, Uint8Array>,
): Check<QuoteCode> {
  const name = "quote.pcrSelection";
  const text = (hash: number, indices: readonly number[]): string => `${algName(hash)}:${indices.join(",")}`;
  const indices = ascending(pcrs.keys());
  const details = {
    got: pcrSelect.map((selection) => text(selection.hash, selectedPcrs(selection))).join(" "),
    wanted: text(BANKS[bank], indices),
  };
  const [selection, ...others] = pcrSelect;
  if (selection?.hash !== BANKS[bank] || others.length > 0) return fail(name, "quote_bank", details);
  // Values are hashed one behind the other: of other lengths, the bytes of one could pass for those of the next.
  const other = [...pcrs.values()].find(({ length }) => length !== VALUE_BYTES[bank]);
  if (other !== undefined) {
    return fail(name, "quote_bank", { got: `a value of ${other.length} bytes`, wanted: `${VALUE_BYTES[bank]} bytes` });
  }
  const selected = selectedPcrs(selection);
  if (selected.some((index) => !pcrs.has(index))) return fail(name, "quote_pcr_missing", details);
  if (indices.some((index) => !selected.includes(index))) return fail(name, "quote_pcr_extra", details);
  return pass(name, details);
}

function ascending(indices: Iterable<number>): number[] {
  return [...indices].sort((a, b) => a - b);
}
