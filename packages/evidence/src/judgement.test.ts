import assert from "node:assert/strict";
import { test } from "node:test";
import { about } from "@constellation/verdict";
import { complete } from "./judgement.ts";

const { fail, pass } = about("hardware.evidence");

test("complete() puts checks in order, and adds those that did not run as failed", () => {
  const done = complete(["a", "b", "c"], [pass("d"), pass("c"), pass("a")]);
  assert.deepEqual(
    done.map(({ name, outcome }) => `${name} ${outcome}`),
    ["a pass", "b fail", "c pass", "d pass"],
  );
});

test("complete() drops no failed check, whatever else has its name", () => {
  for (const checks of [
    [fail("a", "bad"), pass("a")],
    [pass("a"), fail("a", "bad")],
  ]) {
    assert.deepEqual(complete(["a"], checks), checks);
  }
});
