import assert from "node:assert/strict";
import { test } from "node:test";
import { retryAfterMs } from "./retry-after.ts";

const NOW = new Date("2026-01-01T00:00:00Z");

test("retryAfterMs() reads seconds and dates", () => {
  assert.equal(retryAfterMs("0", NOW), 0);
  assert.equal(retryAfterMs("17", NOW), 17_000);
  assert.equal(retryAfterMs("Thu, 01 Jan 2026 00:00:30 GMT", NOW), 30_000);
  assert.equal(retryAfterMs("Wed, 31 Dec 2025 00:00:30 GMT", NOW), 0);
});

test("retryAfterMs() gives nothing for anything else", () => {
  assert.equal(retryAfterMs(null, NOW), undefined);
  for (const header of ["", "soon", "12345678901", "1.5s"]) assert.equal(retryAfterMs(header, NOW), undefined, header);
});
