import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex } from "@constellation/bytes";
import type { Check } from "@constellation/verdict";
import { type Case, casesOf, certificatesOf, fileOf, pcrsOf, rootsOf } from "./testing/vectors.ts";
import {
  type TrustedBank,
  verifyAkPublic,
  verifyEventLog,
  verifyQuote,
  verifyTpmCertificate,
  type VtpmCode,
} from "./index.ts";

/** Which of this package's codes stand for a case's reason. */
const CODES: Readonly<Record<string, readonly VtpmCode[]>> = {
  ak_attributes: ["ak_public_attributes"],
  ak_cert_key_mismatch: ["certificate_key_mismatch"],
  cert_chain: ["chain_issuer_unknown", "chain_signature"],
  cert_expired: ["chain_expired"],
  eventlog_pcr_mismatch: ["eventlog_pcr_mismatch"],
  key_usage: ["certificate_usage"],
  log_truncated: ["eventlog_truncated"],
  nonce_mismatch: ["quote_qualifying_data"],
  pcr_digest_mismatch: ["quote_pcr_digest"],
  signature: ["quote_signature", "chain_signature", "quote_signature_scheme"],
  tpm_bank: ["quote_bank"],
  tpm_magic: ["quote_magic"],
  tpm_not_quote: ["quote_type"],
};

const isTrusted = (bank: string): bank is TrustedBank => bank === "sha256" || bank === "sha384";

function judge(subject: Case): Check<VtpmCode>[] {
  const checks: Check<VtpmCode>[] = [];
  const ak = verifyAkPublic({ format: "tpmt-public", bytes: fileOf(subject, "ak_public") });
  checks.push(...ak.checks);
  const pcrs = pcrsOf(subject);
  for (const bank of (subject.banks as readonly string[]).filter(isTrusted)) {
    const values = pcrs.get(bank) as Map<number, Uint8Array>;
    const quoted = verifyQuote(
      {
        quote: fileOf(subject, `quote_${bank}_msg`),
        signature: { format: "tpmt-signature", bytes: fileOf(subject, `quote_${bank}_sig`) },
        bank,
        pcrs: values,
        qualifyingData: { kind: "equal", anyOf: [fromHex(subject.policy.nonce as string)] },
      },
      ak.attestationKey,
    );
    checks.push(...quoted.checks);
    const eventLog = fileOf(subject, "eventlog");
    checks.push(...verifyEventLog({ eventLog, bank, pcrs: values, explained: [0, 4, 7] }).checks);
  }
  if (subject.files["ak_cert"] !== undefined)
    checks.push(...judgeCertificate(subject, "ak_cert", "ak_ca_chain", ak.attestationKey?.spki));
  return checks;
}

function judgeCertificate(
  subject: Case,
  role: string,
  chain: string,
  spki: Uint8Array | undefined,
): readonly Check<VtpmCode>[] {
  const usage = subject.policy.usage === "enc" ? "encrypt" : "sign";
  const [certificate] = role === "certificate" ? certificatesOf(subject, role) : [fileOf(subject, role)];
  return verifyTpmCertificate({
    name: usage === "sign" ? "akCertificate" : "ekCertificate",
    certificate: certificate as Uint8Array,
    intermediates: certificatesOf(subject, chain),
    roots: rootsOf(subject),
    now: new Date(subject.verify_time),
    usage,
    spki,
  }).checks;
}

function assertOutcome(subject: Case, checks: readonly Check<VtpmCode>[]): void {
  const failed = checks.flatMap((done) => (done.outcome === "fail" ? [done.code] : []));
  if (subject.expect === "pass") return assert.deepEqual(failed, []);
  const wanted = CODES[subject.reason_code as string];
  assert.ok(wanted !== undefined, `a code for ${subject.reason_code}`);
  assert.ok(
    failed.some((code) => wanted.includes(code)),
    `got ${failed.join(" ")}, wanted ${wanted.join(" or ")}`,
  );
}

describe("quotes of real TPMs", () => {
  const cases = casesOf("gcp-tpm", "tpm-quote");
  assert.ok(cases.length >= 21);
  for (const subject of cases.filter(({ banks }) => banks?.some(isTrusted))) {
    test(`${subject.id} is ${subject.expect === "pass" ? "accepted" : `refused: ${subject.reason_code}`}`, () => {
      assertOutcome(subject, judge(subject));
    });
  }

  test("those over the SHA-1 bank alone are refused for it", () => {
    for (const subject of cases.filter(({ banks }) => !banks?.some(isTrusted))) {
      const pcrs = pcrsOf(subject).get("sha1") as Map<number, Uint8Array>;
      const ak = verifyAkPublic({ format: "tpmt-public", bytes: fileOf(subject, "ak_public") });
      const { checks } = verifyQuote(
        {
          quote: fileOf(subject, "quote_sha1_msg"),
          signature: { format: "tpmt-signature", bytes: fileOf(subject, "quote_sha1_sig") },
          bank: "sha256",
          pcrs,
          qualifyingData: { kind: "any", reason: "test" },
        },
        ak.attestationKey,
      );
      const failed = [...ak.checks, ...checks].flatMap((done) => (done.outcome === "fail" ? [done.code] : []));
      assert.ok(failed.includes("quote_signature_scheme") && failed.includes("quote_bank"), subject.id);
    }
  });
});

describe("certificates of real TPMs", () => {
  const cases = casesOf("gcp-tpm", "gcp-ek-cert");
  assert.ok(cases.length >= 8);
  for (const subject of cases) {
    test(`${subject.id} is ${subject.expect === "pass" ? "accepted" : `refused: ${subject.reason_code}`}`, () => {
      assertOutcome(subject, judgeCertificate(subject, "certificate", "ca_chain", undefined));
    });
  }
});
