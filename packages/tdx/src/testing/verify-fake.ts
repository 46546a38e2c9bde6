import type { Check } from "../check.ts";
import type { Collateral } from "../collateral.ts";
import { parseQuote } from "../quote.ts";
import { type QuoteVerification, verifyQuote } from "../verify-quote.ts";
import type { Identity } from "./certificates.ts";
import { FAKE_NOW, type FakeCollateralRequest, type FakeIntel } from "./fake-intel.ts";
import type { FakeQuoteRequest } from "./fake-quote.ts";

/** What is otherwise than good in evidence of a fake platform. */
export interface Spoilt {
  readonly quote?: Partial<FakeQuoteRequest>;
  /** Parts of the collateral to be put in the place of good ones. */
  readonly collateral?: Partial<Collateral>;
  /** What the collateral says. */
  readonly says?: FakeCollateralRequest;
  readonly roots?: readonly Identity[];
  readonly now?: Date;
}

/** Verifies evidence of a fake platform. */
export function verifyFake(intel: FakeIntel, spoilt: Spoilt = {}): QuoteVerification {
  const { quote, collateral, says, roots = [intel.root], now = FAKE_NOW } = spoilt;
  return verifyQuote({
    quote: parseQuote(intel.quote(quote)),
    roots: roots.map(({ certificate }) => certificate),
    now,
    collateral: { kind: "given", ...intel.collateral(says), ...collateral },
  });
}

/** Name and code of the checks that failed by themselves. */
export function failuresOf(checks: readonly Check[]): string[] {
  return checks.flatMap((check) =>
    check.outcome === "fail" && check.code !== "not_checked" ? [`${check.name}: ${check.code}`] : [],
  );
}
