import assert from "node:assert/strict";
import { test } from "node:test";
import { openReportPolicy } from "@constellation/sev-snp";
import { FakeAmd, genuine, NOW } from "@constellation/sev-snp/testing";
import { parseCertificate } from "@constellation/x509";
import { judgeSevSnp, type SevSnpPolicy } from "./index.ts";

const ANY = { kind: "any", reason: "test" } as const;
const amd = new FakeAmd("Milan");
const { report, endorsementCert, caChain } = genuine(amd);
const thisUpdate = new Date("2025-06-01");

/** Outcomes of the checks of revocation by their names, for a CRL of that day or none. */
function revocationOf(revocation: SevSnpPolicy["revocation"], crls = [amd.issueCrl([], { thisUpdate })]): object {
  const policy = { roots: [parseCertificate(amd.ark)], revocation, cspId: ANY, report: openReportPolicy(ANY) };
  const { checks } = judgeSevSnp({ report, endorsementCert, caChain, crls }, policy, NOW);
  const own = checks.filter(({ name }) => /revocation|crl/.test(name));
  return Object.fromEntries(own.map((done) => [done.name, done.outcome === "fail" ? done.code : done.outcome]));
}

test("judgeSevSnp() asks for a CRL that is recent enough, where one is required", () => {
  const since = (day: string) =>
    revocationOf({ kind: "required", thisUpdate: { kind: "minimum", value: new Date(day) } });
  const [name, age] = ["caChain.revocation", "caChain.crl.thisUpdate"];
  assert.deepEqual(since("2025-06-01"), { [name]: "pass", [age]: "pass" });
  assert.deepEqual(since("2025-06-02"), { [name]: "pass", [age]: "crl_this_update" });
  const required = { kind: "required", thisUpdate: ANY } as const;
  assert.deepEqual(revocationOf(required), { [name]: "pass", [age]: "accepted-by-choice" });
  assert.deepEqual(revocationOf(required, []), { [name]: "revocation_crl_missing" });
});

test("judgeSevSnp() asks for no CRL by choice, and says so", () => {
  assert.deepEqual(revocationOf(ANY, []), { "caChain.revocation": "accepted-by-choice" });
});
