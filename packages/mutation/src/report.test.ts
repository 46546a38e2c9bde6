import assert from "node:assert/strict";
import { test } from "node:test";
import { summarise } from "./report.ts";
import type { Outcome, Result } from "./store.ts";

const FILE = "packages/a/src/verify-a.ts";

function result(mutation: string, outcome: Outcome, file = FILE): Result {
  return { file, function: "verifyA", line: 1, mutation, outcome };
}

function explanation(mutation: string, file = FILE) {
  return { file, function: "verifyA", mutation, reason: "it changes nothing" };
}

test("summarise() counts explained mutants among those that live", () => {
  const results = [result("1", "killed"), result("2", "timeout"), result("3", "survived"), result("4", "unreached")];
  const { table, score, unexplained, stale } = summarise(results, [explanation("3")]);
  assert.equal(score, 50);
  assert.deepEqual([unexplained, stale], [[results[3]], []]);
  assert.match(table, /^packages\/a\/src\/verify-a\.ts +4 +1 +1 +2 +1 +50\.0$/m);
  assert.match(table, /^a, all +4 +1 +1 +2 +1 +50\.0$/m);
});

test("summarise() finds explanations of what does not live, in the packages that ran", () => {
  const explanations = [explanation("1"), explanation("gone"), explanation("1", "packages/b/src/verify-b.ts")];
  assert.deepEqual(summarise([result("1", "killed")], explanations).stale, explanations.slice(0, 2));
});
