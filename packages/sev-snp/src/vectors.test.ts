import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, fromUtf8 } from "@constellation/bytes";
import { type VectorCase, vectorCases } from "@constellation/testkit/vector-cases";
import type { Check } from "@constellation/verdict";
import { parseCertificate, pemToDer } from "@constellation/x509";
import type { ValidateCode, VerifyCode } from "./check-code.ts";
import { claimsOf, type TcbClaims } from "./claims.ts";
import type { SigningKey } from "./key-info.ts";
import { openReportPolicy } from "./open-policy.ts";
import type { ReportPolicy } from "./report-policy.ts";
import { NO_SVNS } from "./testing/no-svns.ts";
import { validateReport } from "./validate-report.ts";
import { type VerifiedReport, verifyReport } from "./verify-report.ts";

type Code = VerifyCode | ValidateCode;

/** Our codes for the reasons that the cases state. */
const CODES: Readonly<Record<string, readonly Code[]>> = {
  bad_length: ["report_length"],
  bad_sig_algo: ["signature_algo"],
  bad_version: ["report_version"],
  cert_chain: ["ca_chain_issuer_unknown", "ca_chain_signature", "ca_chain_not_a_ca"],
  cert_expired: ["ca_chain_expired"],
  cert_not_yet_valid: ["ca_chain_not_yet_valid"],
  chip_id_mismatch: ["chip_id_mismatch"],
  measurement_mismatch: ["measurement"],
  policy_debug: ["policy_debug"],
  policy_migrate_ma: ["policy_migrate_ma"],
  product_mismatch: ["cpuid_mismatch"],
  report_data_mismatch: ["report_data"],
  signature: ["signature_mismatch", "signature_encoding"],
  signing_key_mismatch: ["signing_key_mismatch"],
  signing_key_not_allowed: ["signing_key"],
  tcb_mismatch: ["reported_tcb_mismatch"],
  tcb_too_low: ["reported_tcb_snp"],
  vmpl: ["vmpl"],
};

const cases = vectorCases("sev-snp", "sev-snp");

test("the evidence has 59 cases, and every reason has codes of ours", () => {
  assert.equal(cases.length, 59);
  const reasons = new Set(cases.flatMap(({ reasonCode }) => reasonCode ?? []));
  assert.deepEqual([...reasons].toSorted(), Object.keys(CODES).toSorted());
});

for (const one of cases) {
  const { name, expect, reasonCode = "" } = one;
  if (expect === "pass") {
    test(`verifyReport() and validateReport() accept ${name}`, () => {
      const { verified, checks } = judge(one);
      assert.deepEqual(failures(checks), []);
      assert.ok(verified.genuine);
      assert.deepEqual(expectedForm(claimsOf(verified.report, verified.endorsement.product)), one.expected);
    });
  } else {
    test(`verifyReport() or validateReport() refuses ${name} for ${reasonCode}`, () => {
      const codes = failures(judge(one).checks).map(({ code }) => code);
      assert.ok(
        codes.some((code) => CODES[reasonCode]?.includes(code)),
        `got ${codes.join(", ")}`,
      );
    });
  }
}

function judge(one: VectorCase): { verified: VerifiedReport; checks: readonly Check<Code>[] } {
  const verified = verifyReport({
    report: one.file("report"),
    endorsementCert: one.file("endorsement_cert"),
    caChain: [pemToDer(fromUtf8(one.file("ca_chain")))],
    roots: one.roots.map((pem) => parseCertificate(pemToDer(fromUtf8(pem)))),
    now: one.verifyTime,
    revocation: { kind: "unchecked", reason: "the case has no CRL" },
  });
  if (!verified.genuine) return { verified, checks: verified.checks };
  const validated = validateReport(verified.report, verified.endorsement.product, policyOf(one));
  return { verified, checks: [...verified.checks, ...validated] };
}

function failures(checks: readonly Check<Code>[]) {
  return checks.flatMap((check) => (check.outcome === "fail" ? [check] : []));
}

interface CasePolicy {
  readonly allow_debug: boolean;
  readonly allow_migrate_ma: boolean;
  readonly vmpl: number;
  readonly signing_key: SigningKey | "any";
  readonly min_tcb?: { readonly snp: number } | null;
  readonly report_data?: string | null;
  readonly measurement?: string | null;
}

function policyOf(one: VectorCase): ReportPolicy {
  const wanted = one.policy as unknown as CasePolicy;
  const open = openReportPolicy({ kind: "any", reason: "the case does not state it" });
  const flag = (allowed: boolean) => ({ kind: "equal", anyOf: allowed ? [true, false] : [false] }) as const;
  const svns = { ...NO_SVNS, snp: wanted.min_tcb?.snp ?? 0 };
  const product = { kind: "minimum", reported: svns, committed: NO_SVNS, launch: NO_SVNS } as const;
  return {
    ...open,
    policy: { ...open.policy, debug: flag(wanted.allow_debug), migrateMa: flag(wanted.allow_migrate_ma) },
    vmpl: { kind: "equal", anyOf: [wanted.vmpl] },
    ...(wanted.signing_key !== "any" && { signingKey: { kind: "equal", anyOf: [wanted.signing_key] } }),
    ...(wanted.report_data && { reportData: { kind: "prefix", anyOf: [fromHex(wanted.report_data)] } }),
    ...(wanted.measurement && { measurement: { kind: "equal", anyOf: [fromHex(wanted.measurement)] } }),
    products: { Milan: product, Genoa: product, Turin: product },
  };
}

/** Our claims in the form of the cases. They always read TCB versions in the layout of Milan and Genoa. */
function expectedForm(claims: ReturnType<typeof claimsOf>): Record<string, unknown> {
  const { policy, cpuid } = claims;
  return {
    version: claims.version,
    guest_svn: claims.guestSvn,
    policy: {
      raw: policy["raw"],
      abi_minor: policy["abiMinor"],
      abi_major: policy["abiMajor"],
      smt: policy["smt"],
      migrate_ma: policy["migrateMa"],
      debug: policy["debug"],
      single_socket: policy["singleSocket"],
    },
    family_id: claims.familyId,
    image_id: claims.imageId,
    vmpl: claims.vmpl,
    signature_algo: claims.signatureAlgo,
    current_tcb: claims.currentTcb.raw,
    platform_info: claims.platformInfo["raw"],
    author_key_en: claims.authorKeyEn,
    mask_chip_key: claims.maskChipKey,
    signing_key: claims.signingKey,
    report_data: claims.reportData,
    measurement: claims.measurement,
    host_data: claims.hostData,
    id_key_digest: claims.idKeyDigest,
    author_key_digest: claims.authorKeyDigest,
    report_id: claims.reportId,
    report_id_ma: claims.reportIdMa,
    reported_tcb: milanGenoaForm(claims.reportedTcb),
    chip_id: claims.chipId,
    committed_tcb: claims.committedTcb.raw,
    launch_tcb: claims.launchTcb.raw,
    ...(cpuid && { cpuid: { family: cpuid.famId, model: cpuid.modId, stepping: cpuid.step } }),
  };
}

function milanGenoaForm({ raw, fmc, bootLoader, tee, snp, microcode }: TcbClaims): Record<string, unknown> {
  if (fmc === undefined) return { raw, bl: bootLoader, tee, snp, ucode: microcode };
  return { raw, bl: fmc, tee: bootLoader, snp: 0, ucode: microcode };
}
