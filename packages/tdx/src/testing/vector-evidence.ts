import { fromUtf8 } from "@constellation/bytes";
import type { VectorCase } from "@constellation/testkit/vector-cases";
import { parseCertificate, pemToDer } from "@constellation/x509";
import type { Collateral, CollateralInput } from "../collateral.ts";
import type { VerifyQuoteInput } from "../verify-quote.ts";

/** What a case has for `verifyQuote`. */
export function vectorEvidence(one: VectorCase): VerifyQuoteInput {
  return {
    quote: one.file("quote"),
    roots: one.roots.map((pem) => parseCertificate(pemToDer(fromUtf8(pem)))),
    now: one.verifyTime,
    collateral: collateralInput(one),
  };
}

/** The collateral of a case that has some. */
export function vectorCollateral({ file }: VectorCase): Collateral {
  return {
    tcbInfo: file("tcb_info"),
    tcbInfoIssuerChain: file("tcb_info_issuer_chain"),
    qeIdentity: file("qe_identity"),
    qeIdentityIssuerChain: file("qe_identity_issuer_chain"),
    rootCaCrl: file("root_ca_crl"),
    pckCrl: file("pck_crl"),
    pckCrlIssuerChain: file("pck_crl_issuer_chain"),
  };
}

function collateralInput(one: VectorCase): CollateralInput {
  if (one.policy["collateral"] === "none") return { kind: "none", reason: "the case judges none" };
  return one.has("tcb_info") ? { kind: "given", ...vectorCollateral(one) } : { kind: "missing" };
}
