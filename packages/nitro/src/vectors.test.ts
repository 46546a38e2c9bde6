import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex } from "@constellation/bytes";
import type { Check } from "@constellation/verdict";
import { parseCertificate, pemToDer } from "@constellation/x509";
import type { ValidateCode, VerifyCode } from "./check-code.ts";
import { claimsOf } from "./claims.ts";
import type { DocumentPolicy } from "./document-policy.ts";
import { openDocumentPolicy } from "./open-policy.ts";
import { type NitroCase, nitroCases } from "./testing/vector-cases.ts";
import { validateDocument } from "./validate-document.ts";
import { type VerifiedDocument, verifyDocument } from "./verify-document.ts";

type Code = VerifyCode | ValidateCode;

/** Our codes for the reasons that the cases state. */
const CODES: Readonly<Record<string, readonly Code[]>> = {
  bad_length: ["document_cbor_truncated"],
  cert_chain: ["cabundle_signature"],
  cert_expired: ["cabundle_expired"],
  cert_not_yet_valid: ["cabundle_not_yet_valid"],
  // The case writes the number of ES256 in two bytes, which the reader refuses before anyone looks at the number.
  cose_alg: ["protected_alg", "document_cbor_head"],
  debug_enclave: ["debug"],
  pcr_mismatch: ["pcr"],
  signature: ["signature_mismatch"],
  trailing_data: ["document_cbor_trailing"],
  user_data_mismatch: ["user_data"],
};

const ENCLAVE_PCRS = Array.from({ length: 16 }, (_, index) => index);
const cases = nitroCases();

test("the evidence has 13 cases, and every reason has a code of ours", () => {
  assert.equal(cases.length, 13);
  const reasons = new Set(cases.flatMap(({ reasonCode }) => reasonCode ?? []));
  assert.deepEqual([...reasons].toSorted(), Object.keys(CODES).toSorted());
});

for (const one of cases) {
  if (one.expect === "pass") {
    test(`verifyDocument() and validateDocument() accept ${one.name}`, () => {
      const { verified, checks } = judge(one);
      assert.deepEqual(codesOf(checks), []);
      assert.ok(verified.genuine);
      assert.equal(verified.chain.length, 5);
      assert.deepEqual(expectedForm(verified), one.expected);
    });
  } else {
    test(`verifyDocument() or validateDocument() refuses ${one.name} for ${one.reasonCode}`, () => {
      const codes = codesOf(judge(one).checks);
      assert.ok(
        codes.some((code) => CODES[one.reasonCode ?? ""]?.includes(code)),
        `got ${codes.join(", ")}`,
      );
    });
  }
}

function judge(one: NitroCase): { verified: VerifiedDocument; checks: readonly Check<Code>[] } {
  const verified = verifyDocument({
    document: one.document,
    roots: one.roots.map((pem) => parseCertificate(pemToDer(pem))),
    now: one.verifyTime,
  });
  if (!verified.genuine) return { verified, checks: verified.checks };
  return { verified, checks: [...verified.checks, ...validateDocument(verified.document, policyOf(one))] };
}

function codesOf(checks: readonly Check<Code>[]): Code[] {
  return checks.flatMap((check) => (check.outcome === "fail" ? [check.code] : []));
}

function policyOf({ policy }: NitroCase): DocumentPolicy {
  const open = openDocumentPolicy({ kind: "any", reason: "the case does not state it" }, ENCLAVE_PCRS);
  const wanted = Object.entries(policy.pcrs ?? {}).map(
    ([index, value]) => [Number(index), { kind: "equal", anyOf: [fromHex(value)] }] as const,
  );
  return {
    ...open,
    kind: { kind: "equal", anyOf: ["enclave"] },
    debug: { kind: "equal", anyOf: policy.allow_debug ? [true, false] : [false] },
    pcrs: new Map([...open.pcrs, ...wanted]),
    ...(policy.user_data && { userData: { kind: "equal", anyOf: [fromHex(policy.user_data)] } }),
    ...(policy.nonce && { nonce: { kind: "equal", anyOf: [fromHex(policy.nonce)] } }),
  };
}

/** Our claims in the form of the cases. */
function expectedForm({ document, chain }: Extract<VerifiedDocument, { genuine: true }>): Record<string, unknown> {
  const claims = claimsOf(document);
  const [leaf] = chain;
  return {
    module_id: claims.moduleId,
    digest: claims.digest,
    timestamp_ms: document.timestampMs,
    pcrs: claims.pcrs,
    user_data: claims.userData ?? null,
    nonce: claims.nonce ?? null,
    public_key: claims.publicKey ?? null,
    leaf_validity: [leaf?.notBefore, leaf?.notAfter].map((time) => time?.toISOString().replace(".000Z", "+00:00")),
  };
}
