import assert from "node:assert/strict";
import { test } from "node:test";
import { type Reader, readValue } from "@constellation/fields";
import { type Certificate, parseCertificate } from "@constellation/x509";
import { SEV_SNP, TPM_QUOTE, type KindWithPolicy } from "../case/kinds.ts";
import type { Judgement } from "../judgement.ts";
import { codesOf, readTestCase } from "../testing/cases.ts";
import { ROOT } from "./roots.ts";

const snp = readTestCase("sev-snp/milan-v3-dstack");
const tpm = readTestCase("gcp-tpm/gce-cos-85-no-nonce");
const [pem] = snp.roots as readonly [string];

test("ROOT reads a PEM certificate, and writes it in its one form", () => {
  for (const text of [pem, `\n${pem}\n\n`, pem.replaceAll("\n", "\r\n")]) {
    const { value, findings } = readValue(ROOT, text);
    assert.equal(findings, undefined);
    assert.equal(ROOT.write(value), pem.trimEnd());
  }
});

test("ROOT refuses what is no PEM certificate", () => {
  for (const value of [undefined, 7, "", "x", `${pem}\n${pem}`, pem.replace("MII", "MIJ")]) {
    assert.equal(readValue(ROOT, value).findings?.[0]?.wanted, "a PEM certificate");
  }
});

test("ROOT hands on a fault of the caller, which is no finding", () => {
  assert.throws(() => ROOT.read(undefined as unknown as Reader, "roots", 7), TypeError);
});

/** The same certificate with another signature. */
function damaged({ der }: Certificate): Certificate {
  return parseCertificate(der.with(-1, (der.at(-1) as number) ^ 1));
}

/** The codes of a case that is judged three times by the same policy, in which each root was changed. */
function judgedThrice<Parts, Policy>(
  { partsOf, judge, policyOf }: KindWithPolicy<Parts, Policy, Judgement>,
  subject: typeof snp,
  change: (policy: Policy) => Policy,
): string[][] {
  const policy = change(policyOf(subject));
  return [1, 2, 3].map(() => codesOf(judge(partsOf(subject), policy, subject.case.verifyTime as Date)));
}

test("judgeSevSnp() refuses a root that did not sign itself as it stands, each time, whatever it accepted before", () => {
  const accepted = judgedThrice(SEV_SNP, snp, (policy) => policy);
  assert.deepEqual(accepted, [[], [], []]);
  const refused = judgedThrice(SEV_SNP, snp, (policy) => ({ ...policy, roots: policy.roots.map(damaged) }));
  for (const codes of refused) assert.ok(codes.includes("ca_chain_signature"), codes.join());
});

test("judgeVtpm() refuses a root that did not sign itself as it stands, each time, whatever it accepted before", () => {
  const accepted = judgedThrice(TPM_QUOTE, tpm, (policy) => policy);
  assert.deepEqual(accepted, [[], [], []]);
  const refused = judgedThrice(TPM_QUOTE, tpm, ({ akCertificate, ...policy }) => {
    assert.ok(akCertificate.kind === "required");
    return { ...policy, akCertificate: { ...akCertificate, roots: akCertificate.roots.map(damaged) } };
  });
  for (const codes of refused) assert.ok(codes.includes("chain_signature"), codes.join());
});
