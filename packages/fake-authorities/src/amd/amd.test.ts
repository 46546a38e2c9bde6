import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeSevSnp } from "@constellation/evidence";
import { parseCertificateTable, type Product } from "@constellation/sev-snp";
import { FakeAmd, SERIAL_NUMBERS } from "@constellation/sev-snp/testing";
import { FAKE_NOW, FakeSevSnpGuest, type FakeSevSnpRequest, pinnedSevSnpPolicy } from "../index.ts";

const milan = new FakeAmd("Milan");

/** Codes of what refuses a guest's report under a policy that pins another of its reports. */
function codesOf(amd: FakeAmd, request: FakeSevSnpRequest): string[] {
  const guest = new FakeSevSnpGuest(amd, request);
  const { report, ...issuers } = pinnedSevSnpPolicy(amd, guest.report());
  const reportData = new Uint8Array(64).fill(1);
  const policy = { ...issuers, report: { ...report, reportData: { kind: "equal", anyOf: [reportData] } as const } };
  const { checks } = judgeSevSnp({ report: guest.report({ reportData }), ...guest.endorsements }, policy, FAKE_NOW);
  return checks.flatMap((done) => (done.outcome === "fail" ? [done.code] : []));
}

test("FakeSevSnpGuest makes genuine reports on each product line, by a VCEK and by a VLEK", () => {
  const lines: Record<Product, FakeAmd> = { Milan: milan, Genoa: new FakeAmd("Genoa"), Turin: new FakeAmd("Turin") };
  for (const amd of Object.values(lines)) {
    assert.deepEqual(codesOf(amd, { signer: "VCEK" }), [], amd.product);
    assert.deepEqual(codesOf(amd, { signer: "VLEK" }), [], amd.product);
  }
});

test("FakeSevSnpGuest makes reports of each version", () => {
  for (const version of [2, 3, 5]) assert.deepEqual(codesOf(milan, { report: { version } }), [], `${version}`);
});

test("FakeSevSnpGuest can have an authority that AMD revoked", () => {
  assert.deepEqual(codesOf(milan, { revoked: [SERIAL_NUMBERS.ASK] }), ["revocation_revoked"]);
  assert.deepEqual(codesOf(milan, { signer: "VLEK", revoked: [SERIAL_NUMBERS.ASK] }), []);
});

test("FakeSevSnpGuest.certificateTable() is as hosts give it", () => {
  for (const signer of ["VCEK", "VLEK"] as const) {
    const guest = new FakeSevSnpGuest(milan, { signer });
    const table = parseCertificateTable(guest.certificateTable());
    assert.deepEqual(
      table.map(({ role }) => role),
      [signer, "ASK", "ARK"],
    );
    const { endorsementCert, caChain } = guest.endorsements;
    assert.deepEqual(
      table.map(({ data }) => Buffer.from(data).toString("hex")),
      [endorsementCert, ...caChain, milan.ark].map((der) => Buffer.from(der).toString("hex")),
    );
  }
});
