import assert from "node:assert/strict";
import { test } from "node:test";
import { freshnessOf } from "./freshness.ts";
import type { Validity } from "./resource.ts";

const FETCHED = new Date("2026-01-01T00:00:00Z");
const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;

function after(validity: Validity, ageMs: number): string {
  const { isFresh, isUsable } = freshnessOf(validity, FETCHED, new Date(FETCHED.getTime() + ageMs), WEEK_MS);
  return `${isFresh ? "fresh" : "stale"} ${isUsable ? "usable" : "over"}`;
}

test("freshnessOf() takes the certificate of a key for fresh at any time", () => {
  for (const ageMs of [-DAY_MS, 0, 36_500 * DAY_MS]) assert.equal(after({ kind: "forever" }, ageMs), "fresh usable");
});

test("freshnessOf() takes a chain for fresh for a day, and for usable at any time", () => {
  assert.equal(after({ kind: "day" }, 0), "fresh usable");
  assert.equal(after({ kind: "day" }, DAY_MS - 1), "fresh usable");
  assert.equal(after({ kind: "day" }, DAY_MS), "stale usable");
  assert.equal(after({ kind: "day" }, -1), "stale usable");
});

test("freshnessOf() goes by nextUpdate, and asks now and then before", () => {
  const soon: Validity = { kind: "until", nextUpdate: new Date(FETCHED.getTime() + DAY_MS) };
  const late: Validity = { kind: "until", nextUpdate: new Date(FETCHED.getTime() + 365 * DAY_MS) };
  assert.equal(after(soon, 0), "fresh usable");
  assert.equal(after(soon, DAY_MS - 1), "fresh usable");
  assert.equal(after(soon, DAY_MS), "stale over");
  assert.equal(after(late, WEEK_MS - 1), "fresh usable");
  assert.equal(after(late, WEEK_MS), "stale usable");
  assert.equal(after(late, 365 * DAY_MS), "stale over");
  assert.equal(after(late, -1), "stale usable");
});
