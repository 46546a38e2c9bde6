import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJson } from "./index.ts";

test("canonicalJson() sorts keys by code units at each level", () => {
  const value = { b: [{ z: null, y: true }], a: "é\n", "10": 1, "9": 2 };
  assert.equal(canonicalJson(value), '{"10":1,"9":2,"a":"é\\n","b":[{"y":true,"z":null}]}');
});
