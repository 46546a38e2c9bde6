import assert from "node:assert/strict";
import { test } from "node:test";
import { fail, pass } from "@constellation/verdict";
import { complete, isAccepted } from "./judgement.ts";

test("isAccepted() wants checks, and none that failed", () => {
  const judged = (...checks: Parameters<typeof isAccepted>[0]["checks"]) => isAccepted({ checks, claims: {} });
  assert.equal(judged(), false);
  assert.equal(judged(pass("a")), true);
  assert.equal(judged(pass("a"), { name: "b", outcome: "accepted-by-choice", reason: "c" }), true);
  assert.equal(judged(pass("a"), fail("b", "bad")), false);
});

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
