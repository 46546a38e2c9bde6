/** Intel TDX: TD quotes, the collateral of Intel's PCS, TCB status, and CC event logs. */
export { type Ccel, parseCcel, type Rtmr } from "./ccel.ts";
export type { ChainName, ChainProblem, Check, CheckCode } from "./check.ts";
export { type QuoteClaims, quoteClaims } from "./claims.ts";
export type { Collateral, CollateralInput } from "./collateral.ts";
export type { EnclaveReport } from "./enclave-report.ts";
export { TdxError, type TdxErrorCode } from "./error.ts";
export { openQuotePolicy } from "./open-policy.ts";
export type { PckConfiguration, PckExtensions, PckTcb } from "./pck-extensions.ts";
export type { AcceptableTcbStatus, CrlPolicy, QuotePolicy, ReportDataPolicy, TcbPolicy, XfamPolicy } from "./policy.ts";
export { type PckPlatform, pckPlatformOf } from "./pck-platform.ts";
export { parseQeIdentity, type QeIdentity } from "./qe-identity.ts";
export type { QuoteHeader } from "./quote-header.ts";
export type { QuoteSignatureData } from "./quote-signature-data.ts";
export { MAX_QUOTE_BYTES, parseQuote, type TdQuote } from "./quote.ts";
export type { LaggingComponent, TcbAssessment, TcbPart } from "./tcb-assessment.ts";
export {
  parseTcbInfo,
  type PlatformTcbLevel,
  type TcbComponent,
  type TcbInfo,
  type TdxModule,
  type TdxModuleIdentity,
} from "./tcb-info.ts";
export type { IsvSvnLevel, TcbLevel } from "./tcb-level.ts";
export { TCB_STATUSES, type TcbStatus } from "./tcb-status.ts";
export { readTdAttributes, TD_ATTRIBUTES, type TdAttribute, type TdAttributes } from "./td-attributes.ts";
export { readTdReportStruct, type TdReport, type TdReport10, type TdReport15 } from "./td-report.ts";
export { type CrlUpdates, validateCrls } from "./validate-crls.ts";
export { validateQuote, type ValidateQuoteInput } from "./validate-quote.ts";
export { verifyCcel } from "./verify-ccel.ts";
export { VERIFY_CHECKS, type VerifiedQuote, verifyQuote, type VerifyQuoteInput } from "./verify-quote.ts";
