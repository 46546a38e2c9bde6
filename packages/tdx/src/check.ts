import { about, type Check as AnyCheck, type FailedCheck } from "@constellation/verdict";
import type { X509ErrorCode } from "@constellation/x509";
import type { TdxErrorCode } from "./error.ts";

const { fail } = about("hardware.genuine");

/** The certificate chains that are verified. */
export type ChainName = "pck_chain" | "tcb_info_chain" | "qe_identity_chain" | "pck_crl_chain";

/** Why a chain was refused. */
export type ChainProblem =
  /** Not under a root. */
  | X509ErrorCode
  /** Not readable. */
  | "format"
  /** More or fewer certificates than belong there. */
  | "count"
  /** Not each issued by the next, down to the pinned root itself. */
  | "order"
  /** Other certificates than belong there. */
  | "subject";

/** Why a check failed. A closed set. */
export type CheckCode =
  /** A check that this one depends on failed, so that this one could not run. */
  | "not_checked"
  /** Quote, PCK certificate, TCB info, QE identity or CC event log can't be read. */
  | TdxErrorCode
  | `${ChainName}_${ChainProblem}`
  | "qe_report_signature"
  /** The QE report does not vouch for the attestation key and authentication data. */
  | "qe_report_data"
  | "quote_signature"
  /** Collateral is wanted, and there is none. */
  | "collateral_missing"
  | "tcb_info_signature"
  | "tcb_info_not_yet_valid"
  | "tcb_info_expired"
  | "tcb_info_id"
  | "tcb_info_fmspc"
  | "tcb_info_pce_id"
  | "qe_identity_signature"
  | "qe_identity_not_yet_valid"
  | "qe_identity_expired"
  | "qe_identity_id"
  | `root_ca_crl_${X509ErrorCode}`
  | "pck_ca_revoked"
  | "tcb_info_signer_revoked"
  | "qe_identity_signer_revoked"
  | "pck_crl_issuer_revoked"
  | `pck_crl_${X509ErrorCode}`
  | "pck_certificate_revoked"
  /** A CRL is from before the time that the policy wants. */
  | "root_ca_crl_this_update"
  | "pck_crl_this_update"
  | "qe_mrsigner"
  | "qe_isvprodid"
  | "qe_miscselect"
  | "qe_attributes"
  /** The TCB info has no identity for the major version of the TDX module. */
  | "tdx_module_unknown"
  | "tdx_module_mrsigner"
  | "tdx_module_attributes"
  /** The platform, TDX module or QE is below every level that Intel lists, and so has no status. */
  | "platform_tcb_level"
  | "tdx_module_tcb_level"
  | "qe_tcb_level"
  /** A reserved bit of TDATTRIBUTES or XFAM is set, or one of XFAM that is always set is not. */
  | "td_attributes_reserved"
  | "xfam_reserved"
  /** A field that the policy wants otherwise. */
  | "mrseam"
  | "mrsignerseam"
  | "seam_attributes"
  | "td_debug"
  | "td_attributes"
  | "xfam"
  | "mrtd"
  | "mrconfigid"
  | "mrowner"
  | "mrownerconfig"
  | "rtmr0"
  | "rtmr1"
  | "rtmr2"
  | "rtmr3"
  | "report_data"
  | "mrservicetd"
  | "tcb_status"
  | "tcb_evaluation_data_number"
  | "ccel_rtmr_mismatch";

/** What came out of one check. */
export type Check = AnyCheck<CheckCode>;

/** All checks by their names, in this order; one that is missing did not run, and so failed. */
export function complete(names: readonly string[], checks: readonly Check[]): Check[] {
  const byName = new Map(checks.map((check) => [check.name, check]));
  return names.map((name) => byName.get(name) ?? notChecked(name));
}

function notChecked(name: string): FailedCheck<CheckCode> {
  return fail(name, "not_checked", { reason: "a check before it failed" });
}
