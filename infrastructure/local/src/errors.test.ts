import assert from "node:assert/strict";
import { test } from "node:test";
import { LocalError, systemErrorCode } from "./errors.ts";

test("LocalError carries code, hint and cause", () => {
  const cause = new Error("below");
  const error = new LocalError("port-busy", "Listen failed", { cause, hint: "stop it" });
  assert.deepEqual([error.name, error.code, error.hint, error.cause], ["LocalError", "port-busy", "stop it", cause]);
  assert.equal("cause" in new LocalError("port-busy", "x"), false);
});

test("systemErrorCode() reads codes of errors only", () => {
  assert.equal(systemErrorCode(Object.assign(new Error("x"), { code: "ENOENT" })), "ENOENT");
  assert.equal(systemErrorCode({ code: "ENOENT" }), undefined);
});
