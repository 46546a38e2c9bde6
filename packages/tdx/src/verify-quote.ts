import { about } from "@constellation/verdict";
import type { Certificate } from "@constellation/x509";
import { attempt } from "./attempt.ts";
import { type Check, complete } from "./check.ts";
import type { CollateralInput } from "./collateral.ts";
import { TdxError } from "./error.ts";
import type { PckExtensions } from "./pck-extensions.ts";
import type { KnownCertificates } from "./pem-chain.ts";
import { parseQuote, type TdQuote } from "./quote.ts";
import type { TcbAssessment } from "./tcb-assessment.ts";
import type { CrlUpdates } from "./validate-crls.ts";
import { COLLATERAL_CHECKS, type CollateralResult, verifyCollateral } from "./verify-collateral.ts";
import { PLATFORM_CHECKS, type Platform, verifyPlatform } from "./verify-platform.ts";

const { fail, pass } = about("hardware.genuine");
const authority = about("hardware.authority");

/** What `verifyQuote` judges. */
export interface VerifyQuoteInput {
  /** A TD quote of version 4 or 5, or what `parseQuote` made of one. */
  readonly quote: Uint8Array | TdQuote;
  /** The pinned roots: Intel's SGX Root CA. An empty list trusts nobody. */
  readonly roots: readonly Certificate[];
  readonly now: Date;
  readonly collateral: CollateralInput;
}

/** Every check with its outcome; the quote and what is known of its platform only where it is genuine. */
export type VerifiedQuote =
  | {
      readonly genuine: true;
      readonly checks: readonly Check[];
      readonly quote: TdQuote;
      /** The SGX extensions of the PCK certificate. */
      readonly pck: PckExtensions;
      /** None where the caller chose to judge without collateral. */
      readonly tcb: TcbAssessment | undefined;
      /** When the CRLs were issued; see `validateCrls`. None where the caller chose to judge without collateral. */
      readonly crlUpdates: CrlUpdates | undefined;
    }
  | {
      readonly genuine: false;
      readonly checks: readonly Check[];
      readonly quote?: never;
      readonly pck?: never;
      readonly tcb?: never;
      readonly crlUpdates?: never;
    };

/** All checks in the order in which they are told. Without collateral by choice, they end with "collateral". */
export const VERIFY_CHECKS: readonly string[] = ["quote", ...PLATFORM_CHECKS, "collateral", ...COLLATERAL_CHECKS];

/**
 * Whether a TD quote is genuine: made by a TDX platform of Intel's, and with collateral that neither platform nor
 * signers are revoked. Says nothing on whether TD and TCB status are acceptable; see `validateQuote`. Bad evidence never
 * throws: each check is in the result, and one that could not run counts as failed.
 */
export function verifyQuote({ quote: given, roots, now, collateral }: VerifyQuoteInput): VerifiedQuote {
  const { quote, check } = readQuote(given);
  // For this one verification.
  const known: KnownCertificates = [];
  const { checks: platformChecks, platform } = quote ? verifyPlatform(quote, roots, now, known) : { checks: [] };
  const { checks: collateralChecks, tcb, crlUpdates } = judgeCollateral(quote, platform, collateral, now, known);
  const checks = [check, ...complete(PLATFORM_CHECKS, platformChecks), ...collateralChecks];
  const genuine = checks.every(({ outcome }) => outcome !== "fail");
  if (!genuine || !quote || !platform) return { genuine: false, checks };
  return { genuine, checks, quote, pck: platform.extensions, tcb, crlUpdates };
}

function readQuote(given: Uint8Array | TdQuote): { quote?: TdQuote; check: Check } {
  const parse = () => (given instanceof Uint8Array ? parseQuote(given) : given);
  const { value: quote, error } = attempt([TdxError], parse);
  if (error) return { check: fail("quote", error.code, { reason: error.message }) };
  return { quote, check: pass("quote", { got: `version ${quote.header.version}` }) };
}

function judgeCollateral(
  quote: TdQuote | undefined,
  platform: Platform | undefined,
  collateral: CollateralInput,
  now: Date,
  known: KnownCertificates,
): CollateralResult {
  const name = "collateral";
  switch (collateral.kind) {
    case "none":
      return { checks: [authority.open(name, collateral.reason, { got: "not judged" })] };
    case "missing": {
      const missing = authority.fail(name, "collateral_missing", { got: "none", wanted: "collateral of Intel's PCS" });
      return { checks: [missing, ...complete(COLLATERAL_CHECKS, [])] };
    }
    case "given": {
      const judged: CollateralResult =
        quote && platform ? verifyCollateral(quote, platform, collateral, now, known) : { checks: [] };
      return {
        ...judged,
        checks: [authority.pass(name, { got: "given" }), ...complete(COLLATERAL_CHECKS, judged.checks)],
      };
    }
  }
}
