import { fail, pass } from "@constellation/verdict";
import type { Certificate } from "@constellation/x509";
import { type Check, complete } from "./check.ts";
import type { CollateralInput } from "./collateral.ts";
import type { PckExtensions } from "./pck-extensions.ts";
import type { TdQuote } from "./quote.ts";
import type { TcbAssessment } from "./tcb-assessment.ts";
import { COLLATERAL_CHECKS, verifyCollateral } from "./verify-collateral.ts";
import { PLATFORM_CHECKS, type Platform, verifyPlatform } from "./verify-platform.ts";

/** What a quote is verified with. */
export interface VerifyQuoteInput {
  readonly quote: TdQuote;
  /** Pinned roots: Intel's SGX Root CA. An empty list trusts nobody. */
  readonly roots: readonly Certificate[];
  readonly now: Date;
  readonly collateral: CollateralInput;
}

/** Whether a quote is genuine: every check, and what was learned of the platform on the way. */
export interface QuoteVerification {
  readonly checks: readonly Check[];
  /** The SGX extensions of the PCK certificate, where its chain is good. */
  readonly pck?: PckExtensions;
  /** The TCB status, where there is genuine collateral to tell it by. */
  readonly tcb?: TcbAssessment;
}

/**
 * Verifies that a TD quote is genuine: made by a TDX platform of Intel's, and with collateral that neither platform nor
 * signers are revoked. Bad evidence never throws: each check is in the result, and one that could not run counts as
 * failed. Whether the TD and the platform's TCB status are acceptable is for `validateQuote` to say.
 */
export function verifyQuote({ quote, roots, now, collateral }: VerifyQuoteInput): QuoteVerification {
  const { checks, platform } = verifyPlatform(quote, roots, now);
  const judged = judgeCollateral(quote, platform, collateral, now);
  return {
    checks: [...complete(PLATFORM_CHECKS, checks), ...judged.checks],
    ...(platform && { pck: platform.extensions }),
    ...(judged.tcb && { tcb: judged.tcb }),
  };
}

function judgeCollateral(
  quote: TdQuote,
  platform: Platform | undefined,
  collateral: CollateralInput,
  now: Date,
): { readonly checks: Check[]; readonly tcb?: TcbAssessment } {
  const name = "collateral";
  switch (collateral.kind) {
    case "none": {
      const { reason } = collateral;
      return { checks: [{ name, outcome: "accepted-by-choice", got: "not judged", wanted: "any", reason }] };
    }
    case "missing":
      return { checks: [fail(name, "collateral_missing", { got: "none", wanted: "collateral of Intel's PCS" })] };
    case "given": {
      const { checks, tcb } = platform ? verifyCollateral(quote, platform, collateral, now) : { checks: [] };
      return { checks: [pass(name, { got: "given" }), ...complete(COLLATERAL_CHECKS, checks)], ...(tcb && { tcb }) };
    }
  }
}
