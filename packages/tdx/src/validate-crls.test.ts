import assert from "node:assert/strict";
import { test } from "node:test";
import type { Minimum } from "@constellation/verdict";
import { validateCrls } from "./validate-crls.ts";

const [before, at, after] = [new Date("2025-05-31"), new Date("2025-06-01"), new Date("2025-06-02")] as const;
const ANY = { kind: "any", reason: "test" } as const;
const since = (value: Date) => ({ kind: "minimum", value }) as const;

/** Code or outcome of each check, for CRLs of the same day. */
function judged(rootCaCrl: Minimum<Date>, pckCrl: Minimum<Date>): string[] {
  const checks = validateCrls({ rootCaCrl: at, pckCrl: at }, { rootCaCrl, pckCrl });
  return checks.map((done) => (done.outcome === "fail" ? done.code : done.outcome));
}

test("validateCrls() refuses a CRL that is older than the policy wants, each by its own bound", () => {
  assert.deepEqual(judged(since(at), since(before)), ["pass", "pass"]);
  assert.deepEqual(judged(since(after), since(at)), ["root_ca_crl_this_update", "pass"]);
  assert.deepEqual(judged(since(at), since(after)), ["pass", "pck_crl_this_update"]);
  assert.deepEqual(judged(ANY, ANY), ["accepted-by-choice", "accepted-by-choice"]);
});

test("validateCrls() says what it got and wanted", () => {
  const [rootCaCrl, pckCrl] = validateCrls({ rootCaCrl: at, pckCrl: before }, { rootCaCrl: ANY, pckCrl: since(at) });
  assert.deepEqual(rootCaCrl, {
    name: "rootCaCrl.thisUpdate",
    outcome: "accepted-by-choice",
    speaksFor: "hardware.detail",
    got: "2025-06-01T00:00:00.000Z",
    wanted: "any",
    reason: "test",
  });
  assert.deepEqual(pckCrl, {
    name: "pckCrl.thisUpdate",
    outcome: "fail",
    speaksFor: "hardware.detail",
    code: "pck_crl_this_update",
    got: "2025-05-31T00:00:00.000Z",
    wanted: "2025-06-01T00:00:00.000Z or more",
  });
});
