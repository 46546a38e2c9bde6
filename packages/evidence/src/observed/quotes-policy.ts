import type { Expectation } from "@constellation/verdict";
import type { BankQuote, QuotesPolicy } from "../vtpm.ts";
import { equal, OWN_TO_EACH } from "./expect.ts";

/** A policy that accepts what good quotes show: their registers as they are. */
export function quotesPolicyFrom(quotes: readonly BankQuote[], eventLog: QuotesPolicy["eventLog"]): QuotesPolicy {
  const registers = (bank: BankQuote["bank"]): ReadonlyMap<number, Expectation<Uint8Array>> => {
    const pcrs = quotes.find((quote) => quote.bank === bank)?.pcrs ?? new Map<number, Uint8Array>();
    return new Map(Array.from(pcrs, ([index, value]) => [index, equal(value)]));
  };
  return {
    qualifyingData: OWN_TO_EACH,
    pcrs: { sha256: registers("sha256"), sha384: registers("sha384"), sha512: registers("sha512") },
    eventLog,
  };
}
