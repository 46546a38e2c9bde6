import assert from "node:assert/strict";
import { test } from "node:test";
import { creationTimeoutMs, isTooLate } from "./last-start.ts";

const NOW_MS = 1_800_000_000_500;

test("a show starts at any time where none is the last", () => assert.equal(isTooLate(undefined, NOW_MS), false));

for (const [lastStart, late] of [
  ["1800000001", false],
  ["1800000000", true],
  ["0", true],
] as const) {
  test(`a show that starts half a second after 1800000000 is ${late ? "too late" : "in time"} for ${lastStart}`, () =>
    assert.equal(isTooLate(lastStart, NOW_MS), late));
}

for (const text of ["", "soon", "-1", "1.5", "1800000000000000"]) {
  test(`"${text}" is no last start`, () => {
    assert.throws(() => isTooLate(text, NOW_MS), /wanted seconds since 1970/);
    assert.throws(() => creationTimeoutMs(text, NOW_MS), /wanted seconds since 1970/);
  });
}

test("the creation of a cluster may take an hour, and ends 20 minutes after the last start", () => {
  assert.equal(creationTimeoutMs(undefined, NOW_MS), 3_600_000);
  assert.equal(creationTimeoutMs("1800009000", NOW_MS), 3_600_000);
  assert.equal(creationTimeoutMs("1800001500", NOW_MS), 2_699_500);
});
