import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fromHex, hex } from "@constellation/bytes";
import type { Expectation } from "@constellation/verdict";
import { parseCertificate, pemToDer } from "@constellation/x509";
import {
  type AcceptableTcbStatus,
  type Check,
  type CheckCode,
  type CollateralInput,
  parseCcel,
  parseQuote,
  type QuotePolicy,
  quoteClaims,
  type QuoteVerification,
  type TdQuote,
  TdxError,
  type TdxErrorCode,
  validateQuote,
  verifyCcel,
  verifyQuote,
} from "./index.ts";
import { openPolicy } from "./testing/policy.ts";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? join(import.meta.dirname, "../../../../shared/vectors");

interface Case {
  readonly id: string;
  readonly kind: string;
  readonly verify_time: string;
  readonly files: Readonly<Record<string, string>>;
  readonly roots: readonly string[];
  readonly policy: Readonly<Record<string, unknown>>;
  readonly expect: "pass" | "fail";
  readonly reason: string;
  readonly reason_code?: string;
  readonly expected: Readonly<Record<string, unknown>>;
}

interface Outcome {
  readonly codes: readonly (CheckCode | TdxErrorCode)[];
  readonly quote?: TdQuote;
  readonly verification?: QuoteVerification;
}

/** The codes that stand for a class of refusals in the vectors. */
const CODES: Readonly<Record<string, (code: string) => boolean>> = {
  bad_body_type: is("body_type"),
  bad_key_type: is("attestation_key_type"),
  bad_length: is("quote_length"),
  bad_vendor: is("qe_vendor_id"),
  ccel_rtmr_mismatch: is("ccel_rtmr_mismatch"),
  cert_chain: is("pck_chain_issuer_unknown", "pck_chain_signature"),
  cert_expired: is("pck_chain_expired"),
  cert_revoked: is("pck_certificate_revoked", "pck_ca_revoked", "tcb_info_signer_revoked"),
  collateral_expired: is("tcb_info_expired", "tcb_info_not_yet_valid"),
  collateral_mismatch: is("tcb_info_fmspc", "tcb_info_id"),
  collateral_signature: is("tcb_info_signature", "qe_identity_signature"),
  crl_signature: is("pck_crl_crl_signature"),
  log_unknown_alg: is("ccel_algorithm"),
  mrtd_mismatch: is("mrtd"),
  no_collateral: is("collateral_missing"),
  qe_binding: is("qe_report_data"),
  qe_identity: is("qe_mrsigner", "qe_isvprodid", "qe_attributes"),
  qe_signature: is("qe_report_signature"),
  report_data_mismatch: is("report_data"),
  seam_attributes: is("tdx_module_attributes"),
  signature: is("quote_signature"),
  tcb_status: is("tcb_status"),
  tcb_unsupported: is("platform_tcb_level", "tdx_module_tcb_level", "tdx_module_unknown"),
  td_debug: is("td_debug"),
  tdx_module: is("tdx_module_mrsigner"),
  trailing_data: is("quote_trailing"),
  wrong_tee_type: is("tee_type_sgx"),
};

function is(...codes: readonly (CheckCode | TdxErrorCode)[]): (code: string) => boolean {
  return (code) => codes.some((wanted) => wanted === code);
}

function cases(folder: string, kind: string): { dir: string; data: Case }[] {
  const top = join(VECTORS, folder);
  return readdirSync(top)
    .map((name) => join(top, name))
    .map((dir) => ({ dir, data: JSON.parse(readFileSync(join(dir, "case.json"), "utf8")) as Case }))
    .filter(({ data }) => data.kind === kind);
}

function collateralOf(dir: string, { files, policy }: Case): CollateralInput {
  if (policy["collateral"] === "none") return { kind: "none", reason: "the case judges none" };
  if (files["tcb_info"] === undefined) return { kind: "missing" };
  const read = (role: string) => readFileSync(join(dir, files[role] as string));
  return {
    kind: "given",
    tcbInfo: read("tcb_info"),
    tcbInfoIssuerChain: read("tcb_info_issuer_chain"),
    qeIdentity: read("qe_identity"),
    qeIdentityIssuerChain: read("qe_identity_issuer_chain"),
    rootCaCrl: read("root_ca_crl"),
    pckCrl: read("pck_crl"),
    pckCrlIssuerChain: read("pck_crl_issuer_chain"),
  };
}

/** Every entry of a case's policy, and "any" for what it does not ask for. */
function policyOf({ policy }: Case): QuotePolicy {
  const known = ["allow_debug", "collateral", "accept_tcb_status", "report_data", "mrtd"];
  assert.deepEqual(
    Object.keys(policy).filter((key) => !known.includes(key)),
    [],
  );
  const open = openPolicy("the case does not ask");
  const statuses = policy["accept_tcb_status"] as readonly AcceptableTcbStatus[] | undefined;
  const bytes = (key: string): Expectation<Uint8Array> => {
    const text = policy[key] as string | undefined;
    return text === undefined
      ? { kind: "any", reason: "the case does not ask" }
      : { kind: "equal", anyOf: [fromHex(text)] };
  };
  const reportData = policy["report_data"] as string | undefined;
  return {
    ...open,
    TDATTRIBUTES: {
      ...open.TDATTRIBUTES,
      DEBUG: policy["allow_debug"] === true ? open.TDATTRIBUTES.DEBUG : { kind: "equal", anyOf: [false] },
    },
    MRTD: bytes("mrtd"),
    REPORTDATA: reportData === undefined ? open.REPORTDATA : { kind: "prefix", prefix: fromHex(reportData) },
    ...(statuses && {
      tcb: { kind: "judged", acceptedTcbStatuses: statuses, minimumTcbEvaluationDataNumber: 0 },
    }),
  };
}

function judge(dir: string, data: Case): Outcome {
  let quote: TdQuote;
  try {
    quote = parseQuote(readFileSync(join(dir, data.files["quote"] as string)));
  } catch (error) {
    if (!(error instanceof TdxError)) throw error;
    return { codes: [error.code] };
  }
  const roots = data.roots.map((path) => parseCertificate(pemToDer(readFileSync(join(VECTORS, path), "utf8"))));
  const now = new Date(data.verify_time);
  const verification = verifyQuote({ quote, roots, now, collateral: collateralOf(dir, data) });
  const ccel = data.files["ccel"];
  const checks = [
    ...verification.checks,
    ...validateQuote({ quote, tcb: verification.tcb }, policyOf(data)),
    ...(ccel === undefined ? [] : verifyCcel(quote.body, readFileSync(join(dir, ccel)))),
  ];
  return { codes: failures(checks), quote, verification };
}

function failures(checks: readonly Check[]): CheckCode[] {
  return checks.flatMap((check) => (check.outcome === "fail" ? [check.code] : []));
}

/** Names of the vectors' claims by those of the specification. */
const CLAIMS = {
  tee_tcb_svn: "TEE_TCB_SVN",
  mr_seam: "MRSEAM",
  mr_signer_seam: "MRSIGNERSEAM",
  seam_attributes: "SEAMATTRIBUTES",
  td_attributes: "TDATTRIBUTES",
  xfam: "XFAM",
  mrtd: "MRTD",
  mr_config_id: "MRCONFIGID",
  mr_owner: "MROWNER",
  mr_owner_config: "MROWNERCONFIG",
  rtmr0: "RTMR0",
  rtmr1: "RTMR1",
  rtmr2: "RTMR2",
  rtmr3: "RTMR3",
  report_data: "REPORTDATA",
  tee_tcb_svn_2: "TEE_TCB_SVN_2",
  mr_service_td: "MRSERVICETD",
} as const;

function requireClaims({ quote, verification }: Outcome, expected: Case["expected"]): void {
  assert.ok(quote && verification);
  const claims = quoteClaims(quote);
  for (const [key, name] of Object.entries(CLAIMS)) assert.equal(claims[name], expected[key], name);
  assert.equal(claims.version, expected["version"]);
  assert.equal(hex(verification.pck?.FMSPC ?? new Uint8Array()), expected["fmspc"]);
  const { tcb } = verification;
  assert.equal(tcb?.tcbStatus, expected["tcb_status"]);
  if (tcb === undefined) return;
  assert.equal(tcb.platform.tcbStatus, expected["platform_tcb_status"]);
  assert.equal(tcb.tdxModule?.tcbStatus ?? null, expected["tdx_module_status"]);
  assert.equal(tcb.qe.tcbStatus, expected["qe_tcb_status"]);
  assert.equal(tcb.tcbDate.toISOString().replace(".000", ""), expected["tcb_date"]);
  assert.deepEqual([...tcb.advisoryIDs].sort(), expected["advisory_ids"]);
  assert.equal(quote.qeReport.ISVSVN, expected["qe_isvsvn"]);
}

test("the vectors are all there", () => {
  assert.ok(existsSync(VECTORS), `no vectors in ${VECTORS}`);
  assert.equal(cases("tdx", "tdx").length, 76);
  assert.equal(cases("tdx", "sgx").length, 1);
  assert.equal(cases("tpm-eventlogs", "ccel").length, 3);
});

for (const { dir, data } of cases("tdx", "tdx")) {
  test(`${data.id}: ${data.reason}`, () => {
    const outcome = judge(dir, data);
    if (data.expect === "pass") {
      assert.deepEqual(outcome.codes, []);
      requireClaims(outcome, data.expected);
      return;
    }
    const wanted = CODES[data.reason_code ?? ""];
    assert.ok(wanted, `unknown reason code ${data.reason_code}`);
    assert.ok(outcome.codes.some(wanted), `got ${outcome.codes.join(" ")}, wanted ${data.reason_code}`);
  });
}

for (const { dir, data } of cases("tdx", "sgx")) {
  test(`${data.id}: refused as an SGX quote`, () => {
    assert.deepEqual(judge(dir, data).codes, ["tee_type_sgx"]);
  });
}

for (const { dir, data } of cases("tpm-eventlogs", "ccel")) {
  test(`${data.id}: ${data.reason}`, () => {
    const area = readFileSync(join(dir, data.files["eventlog"] as string));
    if (data.expect === "fail") {
      const wanted = CODES[data.reason_code ?? ""];
      assert.throws(
        () => parseCcel(area),
        (error) => error instanceof TdxError && wanted?.(error.code) === true,
      );
      return;
    }
    const pcrs = JSON.parse(readFileSync(join(dir, data.files["pcrs"] as string), "utf8")) as {
      sha384: Record<string, string>;
    };
    const { log, rtmrs } = parseCcel(area);
    const replayed = Array.from(rtmrs, ([name, value]) => [String(Number(name.slice(-1)) + 1), hex(value)]);
    assert.deepEqual(Object.fromEntries(replayed), pcrs.sha384);
    assert.equal(log.events.length, data.expected["events"]);
  });
}
