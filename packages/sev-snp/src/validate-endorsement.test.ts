import assert from "node:assert/strict";
import { test } from "node:test";
import type { Minimum } from "@constellation/verdict";
import { parseCertificate } from "@constellation/x509";
import { readEndorsement } from "./endorsement.ts";
import { FAKE_CSP_ID, FakeAmd } from "./testing/fake-amd.ts";
import { genuine } from "./testing/genuine.ts";
import { type CspIdExpectation, newestCrlUpdate, validateCrlAge, validateCspId } from "./validate-endorsement.ts";
import { verifyReport } from "./verify-report.ts";

const milan = new FakeAmd("Milan");
const endorsed = (signer: "VCEK" | "VLEK") =>
  readEndorsement(parseCertificate(genuine(milan, { signer }).endorsementCert));

function judged(signer: "VCEK" | "VLEK", expected: CspIdExpectation): string {
  const done = validateCspId(endorsed(signer), expected);
  assert.equal(done.name, "endorsementCert.cspId");
  assert.equal(done.speaksFor, "instance-identity.group");
  return done.outcome === "fail" ? `${done.code}: got ${done.got}, wanted ${done.wanted}` : done.outcome;
}

test("validateCspId() takes VLEKs of the providers listed only", () => {
  assert.equal(judged("VLEK", { kind: "equal", anyOf: ["CN=other.example", FAKE_CSP_ID] }), "pass");
  const other: CspIdExpectation = { kind: "equal", anyOf: ["CN=other.example"] };
  assert.equal(judged("VLEK", other), "csp_id: got CN=csp.example, wanted CN=other.example");
  assert.equal(
    judged("VLEK", { kind: "equal", anyOf: [] }),
    "csp_id: got CN=csp.example, wanted none, the list is empty",
  );
  assert.equal(judged("VCEK", other), "csp_id: got none, in a VCEK, wanted a VLEK of CN=other.example");
});

test("validateCspId() takes VCEKs only where there is to be no provider, and any by choice", () => {
  assert.equal(judged("VCEK", { kind: "absent" }), "pass");
  assert.equal(judged("VLEK", { kind: "absent" }), "csp_id: got CN=csp.example, wanted none, in a VCEK");
  for (const signer of ["VCEK", "VLEK"] as const) {
    assert.equal(judged(signer, { kind: "any", reason: "test" }), "accepted-by-choice");
  }
});

test("newestCrlUpdate() and validateCrlAge() refuse where the newest CRL of the ARK is older than the policy wants", () => {
  const verified = verifyReport(genuine(milan));
  assert.ok(verified.genuine);
  const { chain } = verified;
  const [before, at, after] = ["2025-05-01", "2025-06-01", "2025-07-01"].map((day) => new Date(day)) as [
    Date,
    Date,
    Date,
  ];
  const crl = (thisUpdate: Date, amd = milan): Uint8Array => amd.issueCrl([], { thisUpdate });
  const least = { kind: "minimum", value: at } as const;
  const judge = (crls: readonly Uint8Array[], wanted: Minimum<Date> = least) =>
    validateCrlAge(newestCrlUpdate(crls, chain), wanted);
  assert.equal(judge([crl(at)]).outcome, "pass");
  assert.equal(judge([crl(before), crl(after)]).outcome, "pass");
  const old = judge([crl(before), crl(after, new FakeAmd("Genoa"))]);
  assert.deepEqual(old, {
    name: "caChain.crl.thisUpdate",
    outcome: "fail",
    speaksFor: "hardware.detail",
    code: "crl_this_update",
    got: "2025-05-01T00:00:00.000Z",
    wanted: "2025-06-01T00:00:00.000Z or more",
  });
  assert.equal(judge([crl(before)], { kind: "any", reason: "test" }).outcome, "accepted-by-choice");
});
