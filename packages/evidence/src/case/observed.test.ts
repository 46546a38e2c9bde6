import assert from "node:assert/strict";
import { test } from "node:test";
import { openQuotesPolicy, openReportPolicy } from "../policy/open.ts";
import { observedAzure, observedSevSnp } from "./observed.ts";

test("observedSevSnp() gives no policy for a report that is not genuine", () => {
  const any = { kind: "any", reason: "test" } as const;
  const policy = { roots: [], revocation: any, cspId: any, report: openReportPolicy(any) };
  assert.equal(observedSevSnp({ checks: [], claims: {} }, policy), undefined);
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
