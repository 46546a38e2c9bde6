import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { derToPem } from "@constellation/x509";
import { ALL_ASPECTS } from "@constellation/verdict";
import { EvidenceFiles, type Judgement } from "./index.ts";
import { CASE_KINDS, type CaseVerdict, judgeCase, parseCase } from "./case.ts";
import { certificatesIn } from "./pem.ts";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? resolve(import.meta.dirname, "../../../../shared/vectors");
const FOLDERS = ["azure", "gcp-tpm", "nitro", "sev-snp", "tdx", "tpm-eventlogs"];
/** Kinds that are another package's, or nobody's. */
const OTHER_KINDS: ReadonlySet<string> = new Set(["sgx"]);
/** Quotes over the SHA-1 bank alone, signed with SHA-1: refused on principle, whatever the case expects. */
const SHA1_ONLY = /^gcp-tpm\/gce-windows-shielded/;

/** Our codes for the reasons that the cases state. */
const CODES: Readonly<Record<string, RegExp>> = {
  ak_attributes: /^ak_public_attributes$/,
  ak_cert_key_mismatch: /^certificate_key_mismatch$/,
  bad_body_type: /^body_type$/,
  bad_key_type: /^attestation_key_type$/,
  bad_length: /^(report_length|quote_length|document_cbor_truncated)$/,
  bad_sig_algo: /^signature_algo$/,
  bad_vendor: /^qe_vendor_id$/,
  bad_version: /^(report_version|quote_version)$/,
  ccel_rtmr_mismatch: /^(ccel_rtmr_mismatch|eventlog_pcr_mismatch)$/,
  cert_chain: /^(ca_chain|pck_chain|chain|cabundle)_(issuer_unknown|signature|not_a_ca)$/,
  cert_expired: /^(ca_chain|pck_chain|chain|cabundle)_expired$/,
  cert_not_yet_valid: /^(ca_chain|pck_chain|chain|cabundle)_not_yet_valid$/,
  cert_revoked: /_revoked$/,
  chip_id_mismatch: /^chip_id_mismatch$/,
  collateral_expired: /^tcb_info_(expired|not_yet_valid)$/,
  collateral_mismatch: /^tcb_info_(fmspc|id)$/,
  collateral_signature: /^(tcb_info|qe_identity)_signature$/,
  cose_alg: /^(protected_alg|document_cbor_head)$/,
  crl_signature: /^pck_crl_crl_signature$/,
  debug_enclave: /^debug$/,
  eventlog_pcr_mismatch: /^eventlog_pcr_mismatch$/,
  hcl_format: /^hcl_format$/,
  hcl_report_type: /^hcl_report_type$/,
  key_usage: /^certificate_usage$/,
  log_empty: /^eventlog_empty$/,
  log_format: /^eventlog_format$/,
  log_no_bank: /^eventlog_(no_bank|format|unknown_algorithm)$/,
  log_truncated: /^eventlog_truncated$/,
  log_unknown_alg: /^(eventlog_unknown_algorithm|ccel_algorithm)$/,
  measurement_mismatch: /^measurement$/,
  mrtd_mismatch: /^mrtd$/,
  no_collateral: /^collateral_missing$/,
  nonce_mismatch: /^(quote_qualifying_data|nonce)$/,
  pcr_digest_mismatch: /^quote_pcr_digest$/,
  pcr_mismatch: /^(pcr|pcr_mismatch)$/,
  pcr_missing: /^quote_pcr_missing$/,
  policy_debug: /^policy_debug$/,
  policy_migrate_ma: /^policy_migrate_ma$/,
  product_mismatch: /^cpuid_mismatch$/,
  qe_binding: /^qe_report_data$/,
  qe_identity: /^qe_(mrsigner|isvprodid|attributes)$/,
  qe_signature: /^qe_report_signature$/,
  report_data_mismatch: /^report_data$/,
  runtime_data_mismatch: /^runtime_data_mismatch$/,
  seam_attributes: /^tdx_module_attributes$/,
  signature: /^(signature_mismatch|signature_encoding|quote_signature|quote_signature_scheme)$/,
  signing_key_mismatch: /^signing_key_mismatch$/,
  signing_key_not_allowed: /^signing_key$/,
  tcb_mismatch: /^reported_tcb_mismatch$/,
  tcb_status: /^tcb_status$/,
  tcb_too_low: /^reported_tcb_/,
  tcb_unsupported: /^(platform_tcb_level|tdx_module_tcb_level|tdx_module_unknown)$/,
  td_debug: /^td_debug$/,
  tdx_module: /^tdx_module_mrsigner$/,
  tpm_bank: /^quote_bank$/,
  tpm_format: /^quote_malformed$/,
  tpm_magic: /^quote_magic$/,
  tpm_not_quote: /^quote_type$/,
  trailing_data: /^(quote_trailing|document_cbor_trailing)$/,
  user_data_mismatch: /^user_data$/,
  vmpl: /^vmpl$/,
  wrong_tee_type: /^tee_type_sgx$/,
};

interface Judged {
  readonly id: string;
  readonly kind: string;
  readonly expect: "pass" | "fail";
  readonly reasonCode: string | undefined;
  readonly judgement: CaseVerdict;
}

function read(...path: string[]): Uint8Array {
  return new Uint8Array(readFileSync(join(VECTORS, ...path)));
}

function judge(folder: string, name: string): Judged | undefined {
  const json = read(folder, name, "case.json");
  if (OTHER_KINDS.has((JSON.parse(Buffer.from(json).toString()) as { kind: string }).kind)) return undefined;
  const subject = parseCase(json);
  const files = new Map(Array.from(subject.files, ([role, file]) => [role, read(folder, name, file)]));
  const roots = subject.roots.flatMap((path) => certificatesIn(read(path)).map(derToPem));
  const named = (file: string) => read(folder, name, file);
  const judgement = judgeCase({ case: subject, files: new EvidenceFiles(files), roots, named });
  return { id: subject.id, kind: subject.kind, expect: subject.expect, reasonCode: subject.reasonCode, judgement };
}

const judged = FOLDERS.flatMap((folder) =>
  readdirSync(join(VECTORS, folder)).flatMap((name) => judge(folder, name) ?? []),
);

const failuresOf = ({ checks }: Judgement) => checks.flatMap((done) => (done.outcome === "fail" ? [done] : []));

describe("judgeCase()", () => {
  for (const { id, expect, reasonCode, judgement } of judged) {
    const failures = failuresOf(judgement);
    const codes = failures.map(({ code }) => code);
    if (SHA1_ONLY.test(id)) {
      test(`refuses ${id}, which has a SHA-1 quote only`, () => {
        assert.ok(codes.includes("quote_missing"), codes.join(" "));
      });
    } else if (expect === "pass") {
      test(`accepts ${id}`, () => {
        assert.deepEqual(failures, []);
        assert.ok(judgement.checks.length > 0);
      });
    } else {
      test(`refuses ${id} for ${reasonCode}`, () => {
        const wanted = CODES[reasonCode ?? ""];
        assert.ok(wanted !== undefined, `a code for ${reasonCode}`);
        assert.ok(
          codes.some((code) => wanted.test(code)),
          `got ${codes.join(" ")}`,
        );
      });
    }
  }

  test("makes no check that speaks for nothing, and gives nothing refused a status but contraindicated", () => {
    for (const { id, judgement } of judged) {
      for (const { name, speaksFor } of judgement.checks) assert.ok(ALL_ASPECTS.includes(speaksFor), `${id} ${name}`);
      assert.equal(judgement.accepted, failuresOf(judgement).length === 0, id);
      assert.equal(judgement.status === "contraindicated", !judgement.accepted, id);
    }
  });

  test("affirms hardware by evidence of a CPU only, and closed memory by nothing that a hypervisor says", () => {
    const CPUS = new Set(["sev-snp", "tdx", "azure-sev-snp", "azure-tdx"]);
    for (const { id, kind, judgement } of judged) {
      const { hardware, "runtime-opaque": memory } = judgement.trustVector;
      assert.ok(CPUS.has(kind) || (hardware.value !== 2 && memory.value !== 2), id);
    }
  });

  test("judges every kind, and each case that the set has", (t) => {
    assert.deepEqual(new Set(judged.map(({ kind }) => kind)), new Set(CASE_KINDS));
    assert.equal(judged.length, 240);
    for (const kind of CASE_KINDS) {
      const ofKind = judged.filter((one) => one.kind === kind);
      const accepted = ofKind.filter(({ judgement }) => failuresOf(judgement).length === 0).length;
      t.diagnostic(
        `${kind.padEnd(22)} ${ofKind.length} cases: ${accepted} accepted, ${ofKind.length - accepted} refused`,
      );
    }
  });
});
