import { equalConstantTime, hex } from "@constellation/bytes";
import { about } from "@constellation/verdict";
import { assessTcb, TCB_CHECKS, type TcbResult } from "./assess-tcb.ts";
import type { Check } from "./check.ts";
import type { Collateral } from "./collateral.ts";
import { parseQeIdentity, type QeIdentity } from "./qe-identity.ts";
import type { KnownCertificates } from "./pem-chain.ts";
import type { TdQuote } from "./quote.ts";
import { parseTcbInfo, type TcbInfo } from "./tcb-info.ts";
import type { Platform } from "./verify-platform.ts";
import { QE_IDENTITY_CHECKS, verifyQeIdentity } from "./verify-qe-identity.ts";
import { REVOCATION_CHECKS, verifyRevocation } from "./verify-revocation.ts";
import type { CrlUpdates } from "./validate-crls.ts";
import { documentChecks, verifySignedDocument } from "./verify-signed-document.ts";
import { TDX_MODULE_CHECKS, verifyTdxModule } from "./verify-tdx-module.ts";

const { check } = about("hardware.genuine");

/** Every check that needs collateral, in the order of the verdict. */
export const COLLATERAL_CHECKS: readonly string[] = [
  ...documentChecks("tcbInfo"),
  "tcbInfo.id",
  "tcbInfo.fmspc",
  "tcbInfo.pceId",
  ...documentChecks("qeIdentity"),
  ...REVOCATION_CHECKS,
  ...QE_IDENTITY_CHECKS,
  ...TDX_MODULE_CHECKS,
  ...TCB_CHECKS,
];

const TCB_INFO = { name: "tcbInfo", code: "tcb_info", parse: parseTcbInfo } as const;
const QE_IDENTITY = { name: "qeIdentity", code: "qe_identity", parse: parseQeIdentity } as const;

/** What came of the collateral, and of the platform by it. */
export interface CollateralResult extends TcbResult {
  /** When the CRLs were issued, where both are genuine. */
  readonly crlUpdates?: CrlUpdates;
}

/** Verifies collateral, judges the platform by it, and finds the platform's TCB status. */
export function verifyCollateral(
  quote: TdQuote,
  platform: Platform,
  collateral: Collateral,
  now: Date,
  known: KnownCertificates,
): CollateralResult {
  const { root } = platform;
  const tcbInfo = verifySignedDocument(TCB_INFO, collateral.tcbInfo, collateral.tcbInfoIssuerChain, root, now, known);
  const qe = verifySignedDocument(
    QE_IDENTITY,
    collateral.qeIdentity,
    collateral.qeIdentityIssuerChain,
    root,
    now,
    known,
  );
  const signers = { tcbInfoSigner: tcbInfo.signer, qeIdentitySigner: qe.signer };
  const { checks, ...updates } = verifyRevocation(collateral, platform, signers, now, known);
  const judged = judge(quote, platform, tcbInfo.document, qe.document);
  return {
    ...judged,
    checks: [...tcbInfo.checks, ...qe.checks, ...checks, ...judged.checks],
    ...updates,
  };
}

function judge(
  { body, qeReport }: TdQuote,
  { extensions }: Platform,
  tcbInfo: TcbInfo | undefined,
  qeIdentity: QeIdentity | undefined,
): TcbResult {
  const fit = tcbInfo ? verifyFit(tcbInfo, extensions) : [];
  const qe = qeIdentity ? verifyQeIdentity(qeReport, qeIdentity) : [];
  if (tcbInfo?.id !== "TDX") return { checks: [...fit, ...qe] };
  const module = verifyTdxModule(body, tcbInfo);
  const checks = [...fit, ...qe, ...module.checks];
  // Levels mean something only for what they are about.
  const isKnown = checks.every(({ outcome }) => outcome === "pass");
  if (qeIdentity === undefined || !isKnown) return { checks };
  const { TCB: tcb } = extensions;
  const evidence = { body, tcb, qeIsvSvn: qeReport.ISVSVN, tcbInfo, qeIdentity, moduleIdentity: module.identity };
  const assessed = assessTcb(evidence);
  return { ...assessed, checks: [...checks, ...assessed.checks] };
}

/** Intel PCS API v4, Get TDX TCB Info, steps 1 and 2: the TCB info is about TDX on platforms of this kind. */
function verifyFit({ id, fmspc, pceId }: TcbInfo, { FMSPC, PCEID }: Platform["extensions"]): Check[] {
  return [
    check(id === "TDX", "tcbInfo.id", "tcb_info_id", `"${id}"`, '"TDX"'),
    check(equalConstantTime(fmspc, FMSPC), "tcbInfo.fmspc", "tcb_info_fmspc", hex(fmspc), hex(FMSPC)),
    check(equalConstantTime(pceId, PCEID), "tcbInfo.pceId", "tcb_info_pce_id", hex(pceId), hex(PCEID)),
  ];
}
