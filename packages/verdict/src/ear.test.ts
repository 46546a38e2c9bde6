import assert from "node:assert/strict";
import { test } from "node:test";
import { about, earOf, verdictOf } from "./index.ts";

const VERIFIER = { developer: "Constellation", build: "constellation 0.1.0" };
const ISSUED_AT = new Date("2026-01-02T03:04:05.678Z");
const good = [about("hardware.genuine").pass("report.signature"), about("executables.boot").pass("pcr[4]")];
const bad = about("executables.boot").fail("pcr[9]", "pcr_mismatch", { got: "aa", wanted: "bb" });

test("earOf() gives the claims set of an EAR, with the checks under a claim of its own", () => {
  const verdict = verdictOf(good, { vmpl: 0 });
  const ear = earOf(VERIFIER, ISSUED_AT, { "sev-snp": { verdict, policyId: "sha256:ab", trust: ["AMD"] } });
  assert.deepEqual(JSON.parse(JSON.stringify(ear)), {
    eat_profile: "tag:github.com,2023:veraison/ear",
    iat: 1767323045,
    "ear.verifier-id": VERIFIER,
    submods: {
      "sev-snp": {
        "ear.status": "affirming",
        "ear.trustworthiness-vector": {
          "instance-identity": 0,
          configuration: 0,
          executables: 3,
          "file-system": 0,
          hardware: 2,
          "runtime-opaque": 0,
          "storage-opaque": 0,
          "sourced-data": 0,
        },
        "ear.appraisal-policy-id": "sha256:ab",
        "urn:constellation:appraisal": {
          accepted: true,
          trust: ["AMD"],
          checks: [
            { name: "report.signature", outcome: "pass", speaksFor: "hardware.genuine" },
            { name: "pcr[4]", outcome: "pass", speaksFor: "executables.boot" },
          ],
          claims: { vmpl: 0 },
        },
      },
    },
  });
});

test("earOf() has a submodule for each attester, and each its own status", () => {
  const attesters = {
    first: { verdict: verdictOf(good, {}), policyId: undefined },
    second: { verdict: verdictOf([...good, bad], {}), policyId: undefined },
  };
  const { submods } = earOf(VERIFIER, ISSUED_AT, attesters);
  const statuses = Object.entries(submods).map(([label, appraisal]) => [label, appraisal["ear.status"]]);
  assert.deepEqual(statuses, [
    ["first", "affirming"],
    ["second", "contraindicated"],
  ]);
  assert.ok(!("ear.appraisal-policy-id" in (submods["first"] as object)));
});
