import assert from "node:assert/strict";
import { test } from "node:test";
import { shown } from "./strict-json.ts";

test("shown() quotes a value, bounds it, and has a word for none", () => {
  assert.equal(shown("a\n"), '"a\\n"');
  assert.equal(shown(undefined), "nothing");
  assert.equal(shown("x".repeat(80)), `"${"x".repeat(79)}...`);
});
