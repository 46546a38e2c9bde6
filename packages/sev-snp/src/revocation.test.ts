import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeAmd, SERIAL_NUMBERS } from "./testing/fake-amd.ts";
import { genuine } from "./testing/genuine.ts";
import { verifyReport } from "./verify-report.ts";

const milan = new FakeAmd("Milan");
const genoa = new FakeAmd("Genoa");

/** The code of the one check that fails with these CRLs, if any does. */
function refusal(crls: readonly Uint8Array[], signer: "VCEK" | "VLEK" = "VCEK"): string | undefined {
  const { checks } = verifyReport(genuine(milan, { signer, input: { revocation: { kind: "crls", crls } } }));
  const [failed, ...others] = checks.flatMap((check) => (check.outcome === "fail" ? [check] : []));
  assert.deepEqual(others, []);
  assert.ok(failed === undefined || failed.name === "caChain.revocation");
  return failed?.code;
}

test("verifyReport() accepts a chain that no CRL lists", () => {
  assert.equal(refusal([milan.issueCrl([])]), undefined);
  assert.equal(refusal([milan.issueCrl([0, 1, 2, 0x7fff_ffff])]), undefined);
  assert.equal(refusal([milan.issueCrl([SERIAL_NUMBERS.ASVK])]), undefined);
  assert.equal(refusal([milan.issueCrl([SERIAL_NUMBERS.ASK])], "VLEK"), undefined);
});

test("verifyReport() refuses a revoked ASK, ASVK or ARK", () => {
  assert.equal(refusal([milan.issueCrl([5, SERIAL_NUMBERS.ASK])]), "revocation_revoked");
  assert.equal(refusal([milan.issueCrl([SERIAL_NUMBERS.ASVK])], "VLEK"), "revocation_revoked");
  assert.equal(refusal([milan.issueCrl([SERIAL_NUMBERS.ARK])]), "revocation_revoked");
  assert.equal(refusal([milan.issueCrl([]), milan.issueCrl([SERIAL_NUMBERS.ASK])]), "revocation_revoked");
});

test("verifyReport() tells what is revoked", () => {
  const gotOf = (crls: readonly Uint8Array[]): string | undefined => {
    const { checks } = verifyReport(genuine(milan, { input: { revocation: { kind: "crls", crls } } }));
    return checks.find(({ name }) => name === "caChain.revocation")?.got;
  };
  assert.equal(gotOf([milan.issueCrl([])]), "none");
  assert.match(gotOf([milan.issueCrl([SERIAL_NUMBERS.ASK])]) ?? "", /CN=SEV-Milan/);
});

test("verifyReport() refuses where no CRL is of the ARK", () => {
  assert.equal(refusal([]), "revocation_crl_missing");
  assert.equal(refusal([genoa.issueCrl([])]), "revocation_crl_missing");
  assert.equal(refusal([genoa.issueCrl([]), milan.issueCrl([])]), undefined);
});

test("verifyReport() refuses a CRL that is no longer or not yet current", () => {
  const old = { thisUpdate: new Date("2024-01-01"), nextUpdate: new Date("2025-12-31T23:59:59Z") };
  const future = { thisUpdate: new Date("2026-01-01T00:00:01Z"), nextUpdate: new Date("2027-01-01") };
  assert.equal(refusal([milan.issueCrl([], old)]), "revocation_crl_expired");
  assert.equal(refusal([milan.issueCrl([], future)]), "revocation_crl_not_yet_valid");
  assert.equal(refusal([milan.issueCrl([]), milan.issueCrl([], old)]), "revocation_crl_expired");
});

test("verifyReport() refuses a CRL that another ARK of the same name signed", () => {
  assert.equal(refusal([new FakeAmd("Milan").issueCrl([])]), "revocation_crl_signature");
});

test("verifyReport() refuses bytes that are no CRL", () => {
  assert.equal(refusal([new Uint8Array(5)]), "revocation_malformed");
});
