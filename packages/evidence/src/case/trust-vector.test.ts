import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TRUST_CLAIMS } from "@constellation/verdict";
import { judgeVtpm } from "../index.ts";
import { type CaseVerdict, judgeCase } from "../case.ts";
import { policyFromCase } from "./policy-from-case.ts";
import { readTestCase } from "../testing/cases.ts";
import { tpmQuotePolicy } from "./own-policy.ts";
import { tpmQuoteParts } from "./parts.ts";

/** Values by claim: identity, configuration, executables, files, hardware, memory, storage, data. */
function shownBy({ accepted, status, trustVector }: CaseVerdict): string {
  assert.ok(accepted);
  return `${TRUST_CLAIMS.map((claim) => trustVector[claim].value).join(" ")} ${status}`;
}

/** What cases show that ask for little, and what they show under a policy that pins all they have. */
const CASES: readonly (readonly [id: string, own: string, pinned: string | undefined])[] = [
  // Revocation is not asked: no hardware is affirmed. A report alone says nothing of what the firmware started.
  ["sev-snp/genoa-v3-tsm", "0 36 33 0 0 0 0 0 warning", "0 2 0 0 0 2 0 0 none"],
  ["sev-snp/milan-v2-debug-allowed", "0 36 33 0 0 32 0 0 warning", "0 2 0 0 0 32 0 0 warning"],
  ["tdx/synthetic-v4", "0 36 33 0 2 2 0 0 warning", "0 2 3 0 2 2 0 0 affirming"],
  // Intel says that these platforms are out of date, which their cases accept.
  ["tdx/v4-debug-allowed", "0 36 33 0 32 32 0 0 warning", "0 2 3 0 32 32 0 0 warning"],
  ["azure/tdx-trustee-v1-collateral", "0 36 33 0 32 0 0 0 warning", "0 2 3 0 32 0 0 0 warning"],
  // Nothing was measured into RTMR1 and RTMR2.
  ["tdx/v4-gcp-padded-8000", "0 36 33 0 32 0 0 0 warning", "0 2 0 0 32 0 0 0 warning"],
  // Without collateral anyone can have made the quote.
  ["tdx/v4-ccel-live", "0 36 33 0 0 0 0 0 warning", "0 0 0 0 0 0 0 0 none"],
  ["azure/snp-milan-v2-ars-v1", "0 36 33 0 0 0 0 0 warning", "0 2 3 0 0 2 0 0 none"],
  ["gcp-tpm/gce-cos-85-no-nonce", "0 36 33 0 0 32 0 0 warning", "0 2 3 0 0 32 0 0 warning"],
  ["nitro/enclave-1", "0 0 33 0 0 32 0 0 warning", "0 0 3 0 0 32 0 0 warning"],
  // An enclave in debug mode shows no measurements.
  ["nitro/enclave-debug-allowed", "0 0 33 0 0 32 0 0 warning", "0 0 0 0 0 32 0 0 warning"],
  // Of these nothing is vouched for.
  ["azure/hcl-snp-parse", "0 0 0 0 0 0 0 0 none", undefined],
  ["sev-snp/launch-digests", "0 0 0 0 0 0 0 0 none", undefined],
  ["tpm-eventlogs/ccel-grub", "0 0 0 0 0 0 0 0 none", undefined],
];

describe("judgeCase() in the terms of AR4SI", () => {
  for (const [id, own, pinned] of CASES) {
    test(`says of ${id} what was shown, and no more`, () => {
      const subject = readTestCase(id);
      const verdict = judgeCase(subject);
      assert.equal(shownBy(verdict), own);
      if (pinned === undefined) return assert.equal(verdict.policyId, undefined);
      const policy = policyFromCase(subject);
      const strict = judgeCase(subject, policy);
      assert.equal(shownBy(strict), pinned);
      assert.match(strict.policyId ?? "", /^sha256:[0-9a-f]{64}$/);
      assert.notEqual(strict.policyId, verdict.policyId);
    });
  }
});

test("judgeVtpm() shows that registers of the boot are neither quoted nor asked for", () => {
  const subject = readTestCase("gcp-tpm/gce-cos-85-no-nonce");
  const parts = tpmQuoteParts(subject);
  const [quote] = parts.quotes;
  assert.ok(quote !== undefined);
  const value = quote.pcrs.get(4) as Uint8Array;
  const few = { ...parts, quotes: [{ ...quote, pcrs: new Map([[4, value]]) }] };
  const open = tpmQuotePolicy(subject);
  const pcr4 = [4, { kind: "equal", anyOf: [value] }] as const;
  const unquoted = (sha256: typeof open.pcrs.sha256): string[] => {
    const { checks } = judgeVtpm(few, { ...open, pcrs: { ...open.pcrs, sha256 } }, new Date());
    return checks.flatMap(({ name, outcome, got }) =>
      name.startsWith("pcr") && got === "none" ? [`${name} ${outcome}`] : [],
    );
  };
  const shown = [0, 2, 9, 11, 13].map((index) => `pcr[${index}] accepted-by-choice`);
  assert.deepEqual(unquoted(new Map([pcr4])), shown);
  assert.deepEqual(unquoted(open.pcrs.sha256), shown);
  assert.deepEqual(unquoted(new Map([pcr4, [0, { kind: "equal", anyOf: [value] }]])), [
    "pcr[0] fail",
    ...shown.slice(1),
  ]);
});
