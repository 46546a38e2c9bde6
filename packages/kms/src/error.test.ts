import assert from "node:assert/strict";
import { test } from "node:test";
import { isTransient, KmsError, quoted } from "./error.ts";

test("KmsError has a hint for its code", () => {
  const error = new KmsError("kms_denied", "Test failed: got x, wanted y");
  assert.match(error.hint, /credentials/);
  assert.equal(error.code, "kms_denied");
});

test("KmsError has the hint that it is given before that of its code", () => {
  assert.equal(new KmsError("kms_denied", "x", { hint: "look there" }).hint, "look there");
});

test("isTransient() is for what may end by itself", () => {
  assert.ok(isTransient(new KmsError("store_busy", "x")));
  assert.ok(!isTransient(new KmsError("kms_denied", "x")));
  assert.ok(!isTransient(new Error("x")));
});

test("quoted() cuts and escapes foreign text", () => {
  assert.equal(quoted('a"\n'), '"a\\"\\n"');
  assert.equal(quoted("x".repeat(200)), `"${"x".repeat(160)}..."`);
  assert.equal(quoted(undefined), '"nothing"');
});
