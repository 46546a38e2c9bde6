import assert from "node:assert/strict";
import { test } from "node:test";
import { type Check, check, fail, pass } from "./index.ts";

test("pass() gives a passed check with what was found", () => {
  assert.deepEqual(pass("report.version"), { name: "report.version", outcome: "pass" });
  assert.deepEqual(pass("report.version", { got: "3", wanted: "2 to 5" }), {
    name: "report.version",
    outcome: "pass",
    got: "3",
    wanted: "2 to 5",
  });
});

test("fail() gives a failed check with its code", () => {
  assert.deepEqual(fail("report.version", "version"), { name: "report.version", outcome: "fail", code: "version" });
  assert.deepEqual(fail("report.version", "version", { got: "9", wanted: "3", reason: "too new" }), {
    name: "report.version",
    outcome: "fail",
    code: "version",
    got: "9",
    wanted: "3",
    reason: "too new",
  });
});

test("check() passes or fails by its condition", () => {
  const passed: Check<"vmpl"> = check(true, "report.vmpl", "vmpl", "0", "0");
  assert.deepEqual(passed, { name: "report.vmpl", outcome: "pass", got: "0", wanted: "0" });
  const failed: Check<"vmpl"> = check(false, "report.vmpl", "vmpl", "1", "0");
  assert.deepEqual(failed, { name: "report.vmpl", outcome: "fail", code: "vmpl", got: "1", wanted: "0" });
});
