import assert from "node:assert/strict";
import { test } from "node:test";
import { TCB_STATUSES, type TcbStatus } from "./index.ts";
import { convergeTcbStatus } from "./tcb-status.ts";

/** Platform status (row) with the status of a TDX module or QE, as the PCS documentation lists them. */
const CONVERGED: readonly (readonly [platform: TcbStatus, withOutOfDate: TcbStatus])[] = [
  ["UpToDate", "OutOfDate"],
  ["SWHardeningNeeded", "OutOfDate"],
  ["ConfigurationNeeded", "OutOfDateConfigurationNeeded"],
  ["ConfigurationAndSWHardeningNeeded", "OutOfDateConfigurationNeeded"],
  ["OutOfDate", "OutOfDate"],
  ["OutOfDateConfigurationNeeded", "OutOfDateConfigurationNeeded"],
  ["Revoked", "Revoked"],
];

test("convergeTcbStatus() gives the worst of platform, TDX module and QE", () => {
  for (const [platform, withOutOfDate] of CONVERGED) {
    assert.equal(convergeTcbStatus([platform, "UpToDate", "UpToDate"]), platform);
    assert.equal(convergeTcbStatus([platform, "OutOfDate", "UpToDate"]), withOutOfDate);
    assert.equal(convergeTcbStatus([platform, "UpToDate", "OutOfDate"]), withOutOfDate);
    assert.equal(convergeTcbStatus([platform, "Revoked", "UpToDate"]), "Revoked");
    assert.equal(convergeTcbStatus([platform, "OutOfDate", "Revoked"]), "Revoked");
  }
});

test("convergeTcbStatus() does not depend on the order, and nothing improves by another part", () => {
  for (const a of TCB_STATUSES) {
    for (const b of TCB_STATUSES) {
      const both = convergeTcbStatus([a, b]);
      assert.equal(both, convergeTcbStatus([b, a]));
      assert.equal(convergeTcbStatus([both, a]), both);
    }
  }
  assert.equal(convergeTcbStatus(["SWHardeningNeeded", "ConfigurationNeeded"]), "ConfigurationAndSWHardeningNeeded");
});
