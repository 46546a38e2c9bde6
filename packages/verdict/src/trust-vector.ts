import { type Aspect, ASPECTS, type Said } from "./aspect.ts";
import type { Check } from "./check.ts";
import { TRUST_CLAIMS, type TrustClaim, type TrustTier, type TrustValue, tierOf, wordsOf } from "./trust-claim.ts";

/** What the checks show in one claim. */
export interface Shown {
  readonly value: TrustValue;
  /** The names of the checks that say so. */
  readonly because: readonly string[];
}

/** What the checks show in each claim: AR4SI's trustworthiness vector, with reasons. */
export type TrustVector = { readonly [C in TrustClaim]: Shown };

/** From what affirms to what is worst. */
const TIERS: readonly TrustTier[] = ["affirming", "none", "warning", "contraindicated"];
const VALUES_PER_TIER = 128;

/**
 * Turns checks into a trustworthiness vector. The worst that is said in a claim counts (AR4SI, section 2.3.3); where
 * nothing is said, nothing is claimed.
 */
export function trustVectorOf(checks: readonly Check[]): TrustVector {
  const entries = TRUST_CLAIMS.map((claim) => [claim, shownBy(checks, claim)]);
  return Object.fromEntries(entries) as TrustVector;
}

function shownBy(checks: readonly Check[], claim: TrustClaim): Shown {
  const said = checks.flatMap(({ name, speaksFor, outcome }) => {
    const value = saidBy(speaksFor, outcome)[claim];
    return value === undefined ? [] : [{ name, value }];
  });
  const worst = said.reduce(
    (sofar, { value }) => (badness(value) > badness(sofar) ? value : sofar),
    said[0]?.value ?? 0,
  );
  return { value: worst, because: said.filter(({ value }) => value === worst).map(({ name }) => name) };
}

function saidBy(aspect: Aspect, outcome: Check["outcome"]): Said {
  const meaning: { readonly [O in Check["outcome"]]?: Said } = ASPECTS[aspect];
  return meaning[outcome] ?? {};
}

function badness(value: TrustValue): number {
  return TIERS.indexOf(tierOf(value)) * VALUES_PER_TIER + value;
}

/**
 * The tier of the whole: never better than the worst claim, and contraindicated for whatever is refused. Affirming only
 * with genuine hardware and known software; other claims may be left unsaid.
 */
export function trustStatusOf(accepted: boolean, vector: TrustVector): TrustTier {
  const tiers = TRUST_CLAIMS.map((claim) => tierOf(vector[claim].value));
  if (!accepted || tiers.includes("contraindicated")) return "contraindicated";
  if (tiers.includes("warning")) return "warning";
  const affirmed = ESSENTIAL.every((claim) => tierOf(vector[claim].value) === "affirming");
  return affirmed ? "affirming" : "none";
}

const ESSENTIAL: readonly TrustClaim[] = ["hardware", "executables"];
const MAX_NAMES = 4;

/** The vector for people: claim, tier, and what it means, with the checks behind whatever is not affirmed. */
export function describeTrustVector(vector: TrustVector): [TrustClaim, TrustTier, string][] {
  return TRUST_CLAIMS.map((claim) => {
    const { value, because } = vector[claim];
    const tier = tierOf(value);
    if (because.length === 0) return [claim, tier, "nothing was checked"];
    const names = tier === "affirming" ? "" : `: ${listed(because)}`;
    return [claim, tier, `${wordsOf(claim, value)}${names}`];
  });
}

function listed(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return `${names.slice(0, MAX_NAMES).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
