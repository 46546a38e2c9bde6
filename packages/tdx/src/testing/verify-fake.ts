import assert from "node:assert/strict";
import type { Check } from "../check.ts";
import type { Collateral } from "../collateral.ts";
import { type VerifiedQuote, verifyQuote, type VerifyQuoteInput } from "../verify-quote.ts";
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

/** Evidence with the bytes of a quote. */
export interface FakeEvidence extends VerifyQuoteInput {
  readonly quote: Uint8Array;
}

/** Evidence of a fake platform that `verifyQuote` accepts, but for what is spoilt. */
export function fakeEvidence(intel: FakeIntel, spoilt: Spoilt = {}): FakeEvidence {
  const { quote, collateral, says, roots = [intel.root], now = FAKE_NOW } = spoilt;
  return {
    quote: intel.quote(quote),
    roots: roots.map(({ certificate }) => certificate),
    now,
    collateral: { kind: "given", ...intel.collateral(says), ...collateral },
  };
}

/** Verifies evidence of a fake platform. */
export function verifyFake(intel: FakeIntel, spoilt?: Spoilt): VerifiedQuote {
  return verifyQuote(fakeEvidence(intel, spoilt));
}

/** Verifies evidence of a fake platform that is genuine. */
export function verifyGenuineFake(intel: FakeIntel, spoilt?: Spoilt): Extract<VerifiedQuote, { genuine: true }> {
  const verified = verifyFake(intel, spoilt);
  assert.ok(verified.genuine, failuresOf(verified.checks).join(", "));
  return verified;
}

/** Name and code of the checks that failed by themselves. */
export function failuresOf(checks: readonly Check[]): string[] {
  return checks.flatMap((check) =>
    check.outcome === "fail" && check.code !== "not_checked" ? [`${check.name}: ${check.code}`] : [],
  );
}
