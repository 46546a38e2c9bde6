import { equalConstantTime, hex } from "@constellation/bytes";
import { verifySignature } from "@constellation/crypto";
import { about, type Check } from "@constellation/verdict";
import type { Certificate } from "@constellation/x509";
import type { VerifyCode } from "./check-code.ts";
import type { Endorsement } from "./endorsement.ts";
import { SevSnpError } from "./error.ts";
import { type Product, productOfCpuid } from "./product.ts";
import { parseReport, type Report } from "./report.ts";
import { ECDSA_P384_SHA384, fixedSignature } from "./report-signature.ts";
import { decodeTcbVersion, tcbVersionText } from "./tcb-version.ts";
import {
  type Finding,
  type Revocation,
  verifyCaChain,
  verifyEndorsementCert,
  verifyIssuers,
  verifyRevocation,
} from "./verify-endorsement.ts";

const { check, fail, pass } = about("hardware.genuine");

/** What `verifyReport` judges. */
export interface VerifyReportInput {
  /** ATTESTATION_REPORT. */
  readonly report: Uint8Array;
  /** VCEK or VLEK certificate, DER. */
  readonly endorsementCert: Uint8Array;
  /** ASK or ASVK, DER; an ARK beside it is not trusted for being there. */
  readonly caChain: readonly Uint8Array[];
  /** The pinned ARKs. An empty list trusts nobody. */
  readonly roots: readonly Certificate[];
  readonly now: Date;
  readonly revocation: Revocation;
}

/** Every check with its outcome; the report itself only where it is genuine. */
export type VerifiedReport =
  | {
      readonly genuine: true;
      readonly checks: readonly Check<VerifyCode>[];
      readonly report: Report;
      readonly endorsement: Endorsement;
      /** From the endorsement certificate to the ARK. */
      readonly chain: readonly Certificate[];
    }
  | { readonly genuine: false; readonly checks: readonly Check<VerifyCode>[] };

/** All checks in the order in which they are told. */
export const VERIFY_CHECKS = [
  "report",
  "endorsementCert",
  "caChain",
  "caChain.issuers",
  "caChain.revocation",
  "report.signatureAlgo",
  "report.maskChipKey",
  "endorsementCert.kind",
  "report.signature",
  "endorsementCert.productName",
  "endorsementCert.tcb",
  "endorsementCert.hwId",
] as const;

/**
 * Whether a report is genuine: made by SNP firmware on an AMD CPU, under a key that AMD endorses for this TCB. Says
 * nothing on whether it is acceptable; see `validateReport`. Bad evidence never throws: each check is in the result,
 * and one that could not run counts as failed.
 */
export function verifyReport(input: VerifyReportInput): VerifiedReport {
  const parsed = verifyParse(input.report);
  const endorsed = verifyEndorsementCert(input.endorsementCert);
  const { value: report } = parsed;
  const { value: endorsement } = endorsed;
  const { checks: chainChecks, chain } = endorsement ? verifyChain(endorsement, input) : { checks: [] };
  const checks = complete([
    parsed.check,
    endorsed.check,
    ...chainChecks,
    ...(report ? [verifySignatureAlgo(report)] : []),
    ...(report && endorsement ? verifyBinding(report, endorsement) : []),
  ]);
  const genuine = checks.every(({ outcome }) => outcome !== "fail");
  if (!genuine || !report || !endorsement || !chain) return { genuine: false, checks };
  return { genuine, checks, report, endorsement, chain };
}

/** All checks in their order; one that is missing did not run, and so failed. */
function complete(checks: readonly Check<VerifyCode>[]): Check<VerifyCode>[] {
  const byName = new Map(checks.map((done) => [done.name, done]));
  return VERIFY_CHECKS.map(
    (name) => byName.get(name) ?? fail(name, "not_checked", { reason: "a check before it failed" }),
  );
}

function verifyParse(bytes: Uint8Array): Finding<Report> {
  try {
    const report = parseReport(bytes);
    return { check: pass("report", { got: `version ${report.version}` }), value: report };
  } catch (error) {
    if (!(error instanceof SevSnpError)) throw error;
    return { check: fail("report", error.code as VerifyCode, { reason: error.message }) };
  }
}

/** Whose key the endorsement certificate has, and whether that still holds; a chain only where there is one. */
function verifyChain(
  endorsement: Endorsement,
  { caChain, roots, now, revocation }: VerifyReportInput,
): { readonly checks: readonly Check<VerifyCode>[]; readonly chain?: readonly Certificate[] } {
  const { check: chained, value: chain } = verifyCaChain(endorsement, caChain, roots, now);
  if (chain === undefined) return { checks: [chained] };
  return { checks: [chained, verifyIssuers(endorsement, chain), verifyRevocation(revocation, chain, now)], chain };
}

/** AMD 56860 chapter 10: one algorithm is defined. */
function verifySignatureAlgo({ signatureAlgo }: Report): Check<VerifyCode> {
  const wanted = `${ECDSA_P384_SHA384}`;
  return check(
    signatureAlgo === ECDSA_P384_SHA384,
    "report.signatureAlgo",
    "signature_algo",
    `${signatureAlgo}`,
    wanted,
  );
}

/** What ties the report to the key, and the key's certificate to the report. */
function verifyBinding(report: Report, endorsement: Endorsement): Check<VerifyCode>[] {
  return [
    verifySigningKey(report, endorsement),
    verifyCpuid(report, endorsement.product),
    verifyReportedTcb(report, endorsement),
    verifyChipId(report, endorsement),
    verifyMaskChipKey(report),
    verifyReportSignature(report, endorsement),
  ];
}

/** AMD 56860 section 7.3, table 23, offset 48h: SIGNING_KEY says which kind of key signed. */
function verifySigningKey({ signingKey }: Report, { kind }: Endorsement): Check<VerifyCode> {
  const code = signingKey === "none" ? "signing_key_none" : "signing_key_mismatch";
  return check(signingKey === kind, "endorsementCert.kind", code, `SIGNING_KEY ${signingKey}`, kind);
}

/**
 * AMD 56860 section 3.6: with MaskChipKey set, firmware does not sign with the VCEK and leaves zeros for a signature.
 * A VLEK takes the VCEK's place (section 3.7), so its reports are judged by their signature alone.
 */
function verifyMaskChipKey({ maskChipKey, signingKey }: Report): Check<VerifyCode> {
  const holds = !maskChipKey || signingKey === "VLEK";
  const wanted = signingKey === "VLEK" ? "any, with a VLEK" : "false";
  return check(holds, "report.maskChipKey", "mask_chip_key", `${maskChipKey}`, wanted);
}

/** AMD 57230 section 1.5, table 4: the CPU is of the certificate's product line. Version 2 does not tell the CPU. */
function verifyCpuid({ cpuid }: Report, product: Product): Check<VerifyCode> {
  const name = "endorsementCert.productName";
  if (cpuid === undefined) return pass(name, { got: "none in version 2", wanted: product });
  const { famId, modId } = cpuid;
  const got = `family 0x${famId.toString(16)}, model 0x${modId.toString(16)}`;
  return check(productOfCpuid(cpuid) === product, name, "cpuid_mismatch", got, product);
}

/**
 * AMD 57230 section 3.1: a VCEK or VLEK is derived for one TCB, which is that of the report's REPORTED_TCB. All eight
 * bytes are compared, those that are reserved too.
 */
function verifyReportedTcb({ reportedTcb }: Report, { tcb, product }: Endorsement): Check<VerifyCode> {
  const text = (raw: Uint8Array) => `${hex(raw)} (${tcbVersionText(decodeTcbVersion(raw, product))})`;
  const holds = equalConstantTime(reportedTcb, tcb);
  return check(holds, "endorsementCert.tcb", "reported_tcb_mismatch", text(reportedTcb), text(tcb));
}

/**
 * AMD 56860 section 7.3, table 23, offset 1A0h: CHIP_ID is the HWID of the VCEK; where that is shorter (Turin), zeros
 * follow. With MaskChipId set it is zero, and the chip is told by its VCEK alone. A VLEK belongs to no chip.
 */
function verifyChipId({ chipId }: Report, { hwId }: Endorsement): Check<VerifyCode> {
  const name = "endorsementCert.hwId";
  if (hwId === undefined) return pass(name, { got: hex(chipId), wanted: "any, with a VLEK" });
  if (chipId.every((byte) => byte === 0)) return pass(name, { got: "zero, masked", wanted: hex(hwId) });
  const wanted = new Uint8Array(chipId.length);
  wanted.set(hwId);
  return check(equalConstantTime(chipId, wanted), name, "chip_id_mismatch", hex(chipId), hex(wanted));
}

/** AMD 56860 section 7.3, table 23: SIGNATURE is over the bytes 0h to 29Fh. */
function verifyReportSignature({ signature, signed }: Report, { key }: Endorsement): Check<VerifyCode> {
  const name = "report.signature";
  const fixed = fixedSignature(signature);
  if (fixed === undefined) {
    const wanted = "r and s between 1 and the group order less one, zero-extended";
    return fail(name, "signature_encoding", { got: `r ${hex(signature.r)}, s ${hex(signature.s)}`, wanted });
  }
  const holds = verifySignature(key, { kind: "ecdsa", hash: "sha384", encoding: "fixed" }, signed, fixed);
  return check(holds, name, "signature_mismatch", hex(fixed), "the endorsed key's signature");
}
