import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, fromUtf8, hex } from "@constellation/bytes";
import { type VectorCase, vectorCases } from "@constellation/testkit/vector-cases";
import type { Expectation } from "@constellation/verdict";
import {
  type AcceptableTcbStatus,
  type Check,
  type CheckCode,
  openQuotePolicy,
  parseCcel,
  type QuotePolicy,
  quoteClaims,
  TdxError,
  validateQuote,
  verifyCcel,
  type VerifiedQuote,
  verifyQuote,
} from "./index.ts";
import { vectorEvidence } from "./testing/vector-evidence.ts";

/** Our codes for the reasons that the cases state. */
const CODES: Readonly<Record<string, readonly CheckCode[]>> = {
  bad_body_type: ["body_type"],
  bad_key_type: ["attestation_key_type"],
  bad_length: ["quote_length"],
  bad_vendor: ["qe_vendor_id"],
  ccel_rtmr_mismatch: ["ccel_rtmr_mismatch"],
  cert_chain: ["pck_chain_issuer_unknown", "pck_chain_signature"],
  cert_expired: ["pck_chain_expired"],
  cert_revoked: ["pck_certificate_revoked", "pck_ca_revoked", "tcb_info_signer_revoked"],
  collateral_expired: ["tcb_info_expired", "tcb_info_not_yet_valid"],
  collateral_mismatch: ["tcb_info_fmspc", "tcb_info_id"],
  collateral_signature: ["tcb_info_signature", "qe_identity_signature"],
  crl_signature: ["pck_crl_crl_signature"],
  log_unknown_alg: ["ccel_algorithm"],
  mrtd_mismatch: ["mrtd"],
  no_collateral: ["collateral_missing"],
  qe_binding: ["qe_report_data"],
  qe_identity: ["qe_mrsigner", "qe_isvprodid", "qe_attributes"],
  qe_signature: ["qe_report_signature"],
  report_data_mismatch: ["report_data"],
  seam_attributes: ["tdx_module_attributes"],
  signature: ["quote_signature"],
  tcb_status: ["tcb_status"],
  tcb_unsupported: ["platform_tcb_level", "tdx_module_tcb_level", "tdx_module_unknown"],
  td_debug: ["td_debug"],
  tdx_module: ["tdx_module_mrsigner"],
  trailing_data: ["quote_trailing"],
  wrong_tee_type: ["tee_type_sgx"],
};

/** What the cases know besides our claims. */
const NOT_CLAIMED = [
  "body_type",
  "ccel_events",
  "ccel_registers",
  "length",
  "pck_validity",
  "quote_end",
  "tcb_info_version",
  "td_debug",
];

const cases = vectorCases("tdx", "tdx");
const sgxCases = vectorCases("tdx", "sgx");
const ccelCases = vectorCases("tpm-eventlogs", "ccel");

test("the evidence has 80 cases, and every reason has codes of ours", () => {
  assert.deepEqual([cases.length, sgxCases.length, ccelCases.length], [76, 1, 3]);
  const reasons = new Set([...cases, ...ccelCases].flatMap(({ reasonCode }) => reasonCode ?? []));
  assert.deepEqual([...reasons].toSorted(), Object.keys(CODES).toSorted());
});

for (const one of cases) {
  const { name, expect, reasonCode = "" } = one;
  if (expect === "pass") {
    test(`verifyQuote() and validateQuote() accept ${name}`, () => {
      const { verified, codes } = judge(one);
      assert.deepEqual(codes, []);
      const expected = Object.entries(one.expected).filter(([key]) => !NOT_CLAIMED.includes(key));
      assert.deepEqual(expectedForm(verified), Object.fromEntries(expected));
    });
  } else {
    test(`verifyQuote() or validateQuote() refuses ${name} for ${reasonCode}`, () => {
      const { codes } = judge(one);
      assert.ok(
        codes.some((code) => CODES[reasonCode]?.includes(code)),
        `got ${codes.join(", ")}`,
      );
    });
  }
}

for (const one of sgxCases) {
  test(`verifyQuote() refuses ${one.name} as an SGX quote`, () => {
    const { codes } = judge(one);
    assert.deepEqual(
      codes.filter((code) => code !== "not_checked"),
      ["tee_type_sgx"],
    );
  });
}

for (const one of ccelCases) {
  const { name, expect, reasonCode = "" } = one;
  if (expect === "pass") {
    test(`parseCcel() replays ${name}`, () => {
      const { log, rtmrs } = parseCcel(one.file("eventlog"));
      const pcrs = JSON.parse(fromUtf8(one.file("pcrs"))) as { sha384: Record<string, string> };
      const replayed = Array.from(rtmrs, ([rtmr, value]) => [String(Number(rtmr.slice(-1)) + 1), hex(value)]);
      assert.deepEqual(Object.fromEntries(replayed), pcrs.sha384);
      assert.equal(log.events.length, one.expected["events"]);
    });
  } else {
    test(`parseCcel() refuses ${name} for ${reasonCode}`, () => {
      assert.throws(
        () => parseCcel(one.file("eventlog")),
        (error) => error instanceof TdxError && CODES[reasonCode]?.includes(error.code),
      );
    });
  }
}

function judge(one: VectorCase): { verified: VerifiedQuote; codes: readonly CheckCode[] } {
  const verified = verifyQuote(vectorEvidence(one));
  if (!verified.genuine) return { verified, codes: failures(verified.checks) };
  const validated = validateQuote(verified, policyOf(one));
  const ccel = one.has("ccel") ? verifyCcel(verified.quote.body, one.file("ccel")) : [];
  return { verified, codes: failures([...verified.checks, ...validated, ...ccel]) };
}

function failures(checks: readonly Check[]): CheckCode[] {
  return checks.flatMap((check) => (check.outcome === "fail" ? [check.code] : []));
}

interface CasePolicy {
  readonly allow_debug?: boolean;
  readonly collateral: "required" | "none";
  readonly accept_tcb_status?: readonly AcceptableTcbStatus[] | null;
  readonly report_data?: string | null;
  readonly mrtd?: string | null;
}

const POLICY_KEYS = ["allow_debug", "collateral", "accept_tcb_status", "report_data", "mrtd"];

/** What a case asks for, and "any" for what it does not ask for. */
function policyOf({ policy }: VectorCase): QuotePolicy {
  assert.deepEqual(
    Object.keys(policy).filter((key) => !POLICY_KEYS.includes(key)),
    [],
  );
  const wanted = policy as unknown as CasePolicy;
  const open = openQuotePolicy({ kind: "any", reason: "the case does not state it" });
  const debug: Expectation<boolean> = { kind: "equal", anyOf: wanted.allow_debug === true ? [true, false] : [false] };
  const acceptedTcbStatuses = wanted.accept_tcb_status;
  return {
    ...open,
    TDATTRIBUTES: { ...open.TDATTRIBUTES, DEBUG: debug },
    ...(wanted.mrtd && { MRTD: { kind: "equal", anyOf: [fromHex(wanted.mrtd)] } }),
    ...(wanted.report_data && { REPORTDATA: { kind: "prefix", prefix: fromHex(wanted.report_data) } }),
    ...(acceptedTcbStatuses && { tcb: { kind: "judged", acceptedTcbStatuses, minimumTcbEvaluationDataNumber: 0 } }),
  };
}

/** Our claims in the form of the cases. */
function expectedForm(verified: VerifiedQuote): Record<string, unknown> {
  assert.ok(verified.genuine);
  const { quote, pck, tcb } = verified;
  const claims = quoteClaims(quote);
  return {
    version: claims.version,
    fmspc: hex(pck.FMSPC),
    tee_tcb_svn: claims.TEE_TCB_SVN,
    mr_seam: claims.MRSEAM,
    mr_signer_seam: claims.MRSIGNERSEAM,
    seam_attributes: claims.SEAMATTRIBUTES,
    td_attributes: claims.TDATTRIBUTES,
    xfam: claims.XFAM,
    mrtd: claims.MRTD,
    mr_config_id: claims.MRCONFIGID,
    mr_owner: claims.MROWNER,
    mr_owner_config: claims.MROWNERCONFIG,
    rtmr0: claims.RTMR0,
    rtmr1: claims.RTMR1,
    rtmr2: claims.RTMR2,
    rtmr3: claims.RTMR3,
    report_data: claims.REPORTDATA,
    ...(claims.tdxVersion === "1.5" && { tee_tcb_svn_2: claims.TEE_TCB_SVN_2, mr_service_td: claims.MRSERVICETD }),
    ...(tcb && {
      qe_isvsvn: quote.qeReport.ISVSVN,
      tcb_status: tcb.tcbStatus,
      platform_tcb_status: tcb.platform.tcbStatus,
      tdx_module_status: tcb.tdxModule?.tcbStatus ?? null,
      qe_tcb_status: tcb.qe.tcbStatus,
      tcb_date: tcb.tcbDate.toISOString().replace(".000", ""),
      advisory_ids: [...tcb.advisoryIDs].toSorted(),
    }),
  };
}
