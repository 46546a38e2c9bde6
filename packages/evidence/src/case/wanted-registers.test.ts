import assert from "node:assert/strict";
import { test } from "node:test";
import { readValue } from "@constellation/fields";
import { WANTED_REGISTERS } from "./wanted-registers.ts";

test("WANTED_REGISTERS refuses what is no mapping", () => {
  for (const value of [undefined, null, 7, "4"]) {
    assert.equal(readValue(WANTED_REGISTERS, value).findings?.length, 1, String(value));
  }
});
