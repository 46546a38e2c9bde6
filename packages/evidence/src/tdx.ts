import { choice, type Field, type Json, list, minimum, object, REASON, TIME } from "@constellation/fields";
import {
  type Collateral,
  type CollateralInput,
  type CrlPolicy,
  type CrlUpdates,
  parseQuote,
  quoteClaims,
  type QuotePolicy,
  type TdQuote,
  TdxError,
  type TcbAssessment,
  type TcbPart,
  validateCrls,
  validateQuote,
  verifyCcel,
  verifyQuote,
} from "@constellation/tdx";
import { about, type Check } from "@constellation/verdict";
import type { Certificate } from "@constellation/x509";
import type { Judgement } from "./judgement.ts";
import { ROOT } from "./policy/roots.ts";
import { BOUND_QUOTE_POLICY, type BoundQuotePolicy, TDX_QUOTE_POLICY } from "./policy/tdx.ts";

const log = about("executables.log");

/** Evidence of a TDX guest. */
export interface TdxParts {
  readonly quote: Uint8Array;
  readonly collateral: Collateral | undefined;
  /** The area that the ACPI table CCEL describes. */
  readonly ccel: Uint8Array | undefined;
}

type Asked = { readonly kind: "required" } | { readonly kind: "any"; readonly reason: string };

/** What is accepted of a TDX guest. Total: every field is stated. */
export interface TdxPolicy {
  /** Certificates of Intel's root. An empty list trusts nobody. */
  readonly roots: readonly Certificate[];
  /**
   * Whether Intel's collateral is asked for, and how recent its CRLs must be. Without collateral revocation and TCB status
   * are not judged.
   */
  readonly collateral:
    | { readonly kind: "required"; readonly thisUpdate: CrlPolicy }
    | { readonly kind: "any"; readonly reason: string };
  /** Whether a CC event log has to explain RTMR0 to RTMR2. One that is there is judged in any case. */
  readonly ccel: Asked;
  readonly quote: QuotePolicy;
}

const ASKED: Field<Asked> = choice<Asked>({ required: {}, any: { reason: REASON } });

const ISSUER_FIELDS = {
  roots: list(ROOT),
  collateral: choice<TdxPolicy["collateral"]>({
    required: { thisUpdate: object<CrlPolicy>({ rootCaCrl: minimum(TIME), pckCrl: minimum(TIME) }) },
    any: { reason: REASON },
  }),
  ccel: ASKED,
};

/** {@link TdxPolicy} as a document. */
export const TDX_POLICY: Field<TdxPolicy> = object<TdxPolicy>({ ...ISSUER_FIELDS, quote: TDX_QUOTE_POLICY });

/** What is accepted of a guest whose report data is bound to something else, as a channel. */
export interface BoundTdxPolicy extends Omit<TdxPolicy, "quote"> {
  readonly quote: BoundQuotePolicy;
}

/** {@link BoundTdxPolicy} as a document. */
export const BOUND_TDX_POLICY: Field<BoundTdxPolicy> = object<BoundTdxPolicy>({
  ...ISSUER_FIELDS,
  quote: BOUND_QUOTE_POLICY,
});

/** What judging a quote gives. */
export interface TdxJudgement extends Judgement {
  /** The quote, where it could be read. */
  readonly quote?: TdQuote;
  /** The TCB status, where there is genuine collateral to tell it by. */
  readonly tcb?: TcbAssessment;
  /** When the CRLs were issued, where collateral is required and genuine. */
  readonly crlUpdates?: CrlUpdates;
}

/** Judges a quote: whether Intel's hardware made it, then whether the guest and its platform are acceptable. */
export function judgeTdx(parts: TdxParts, policy: TdxPolicy, now: Date): TdxJudgement {
  let quote: TdQuote;
  try {
    quote = parseQuote(parts.quote);
  } catch (error) {
    if (!(error instanceof TdxError)) throw error;
    return { checks: [about("hardware.genuine").fail("quote", error.code, { reason: error.message })], claims: {} };
  }
  const collateral = collateralOf(parts, policy);
  const { checks, tcb, crlUpdates } = verifyQuote({ quote, roots: policy.roots, now, collateral });
  return {
    checks: [
      ...checks,
      ...judgeCrls(crlUpdates, policy),
      ...validateQuote({ quote, tcb }, policy.quote),
      ...judgeCcel(quote, parts, policy),
    ],
    claims: { ...quoteClaims(quote), ...tcbClaims(tcb) },
    quote,
    ...(tcb && { tcb }),
    ...(crlUpdates && { crlUpdates }),
  };
}

function collateralOf({ collateral }: TdxParts, policy: TdxPolicy): CollateralInput {
  if (policy.collateral.kind === "any") return { kind: "none", reason: policy.collateral.reason };
  return collateral === undefined ? { kind: "missing" } : { kind: "given", ...collateral };
}

function judgeCrls(crlUpdates: CrlUpdates | undefined, { collateral }: TdxPolicy): Check[] {
  if (crlUpdates === undefined || collateral.kind === "any") return [];
  return validateCrls(crlUpdates, collateral.thisUpdate);
}

function judgeCcel({ body }: TdQuote, { ccel }: TdxParts, policy: TdxPolicy): Check[] {
  if (ccel !== undefined) return verifyCcel(body, ccel);
  const name = "ccel";
  if (policy.ccel.kind === "required") {
    return [log.fail(name, "ccel_missing", { got: "none", wanted: "a CC event log" })];
  }
  return [log.open(name, policy.ccel.reason, { got: "none" })];
}

function tcbClaims(tcb: TcbAssessment | undefined): Judgement["claims"] {
  if (tcb === undefined) return {};
  const { tcbStatus, tcbDate, platform, tdxModule, qe, relaunchAdvised, ...rest } = tcb;
  return {
    tcb: {
      tcbStatus,
      tcbDate: tcbDate.toISOString(),
      ...rest,
      platform: partClaims(platform),
      ...(tdxModule && { tdxModule: partClaims(tdxModule) }),
      qe: partClaims(qe),
      relaunchAdvised,
    },
  };
}

function partClaims(part: TcbPart): Json {
  const { tcbDate, lagging, newestLevel } = part;
  return {
    ...part,
    tcbDate: tcbDate.toISOString(),
    lagging: lagging.map((component) => ({ ...component })),
    newestLevel: { ...newestLevel, tcbDate: newestLevel.tcbDate.toISOString() },
  };
}
