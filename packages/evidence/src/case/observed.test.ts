import assert from "node:assert/strict";
import { test } from "node:test";
import { openReportPolicy } from "@constellation/sev-snp";
import { FakeAmd, genuine, NOW } from "@constellation/sev-snp/testing";
import { parseCertificate } from "@constellation/x509";
import { openQuotesPolicy } from "../policy/open.ts";
import { judgeSevSnp } from "../sev-snp.ts";
import { observedAzure, observedSevSnp } from "./observed.ts";

test("observedSevSnp() gives no policy for a report that is not genuine", () => {
  const any = { kind: "any", reason: "test" } as const;
  const policy = { roots: [], revocation: any, cspId: any, report: openReportPolicy(any) };
  assert.equal(observedSevSnp({ checks: [], claims: {} }, policy), undefined);
});

test("observedSevSnp() asks for a CRL that is no older", () => {
  const amd = new FakeAmd("Milan");
  const { report, endorsementCert, caChain } = genuine(amd);
  const thisUpdate = new Date("2025-06-01");
  const any = { kind: "any", reason: "test" } as const;
  const revocation = { kind: "required", thisUpdate: any } as const;
  const policy = { roots: [parseCertificate(amd.ark)], revocation, cspId: any, report: openReportPolicy(any) };
  const crls = [amd.issueCrl([], { thisUpdate })];
  const observed = observedSevSnp(judgeSevSnp({ report, endorsementCert, caChain, crls }, policy, NOW), policy);
  const least = { kind: "minimum", value: thisUpdate };
  assert.deepEqual(observed?.revocation, { kind: "required", thisUpdate: least });
});

test("observedAzure() asks for the settings that the paravisor states, and leaves others open", () => {
  const any = { kind: "any", reason: "the paravisor does not state it" };
  const policy = { vtpm: openQuotesPolicy({ kind: "any", reason: "test" }) };
  const settingsOf = (stated: Readonly<Record<string, boolean>> | undefined) =>
    observedAzure({ quotes: [] }, policy, stated).vmConfiguration;
  const secureBoot = { kind: "equal", anyOf: [true] };
  assert.deepEqual(settingsOf({ "secure-boot": true }), { secureBoot, tpmEnabled: any, consoleEnabled: any });
  assert.deepEqual(settingsOf(undefined), { secureBoot: any, tpmEnabled: any, consoleEnabled: any });
});
