import assert from "node:assert/strict";
import { test } from "node:test";
import { withBackOff } from "./back-off.ts";

const QUICK = { firstPauseMs: 1, longestPauseMs: 2, attempts: 3 } as const;
const NEVER = new AbortController().signal;

test("withBackOff() gives up after its attempts, with the last error", async () => {
  let count = 0;
  const attempt = () => Promise.reject(new Error(String(++count)));
  await assert.rejects(
    withBackOff(attempt, () => true, QUICK, NEVER),
    { message: "3" },
  );
});

test("withBackOff() does not try again what will not pass", async () => {
  let count = 0;
  const attempt = () => Promise.reject(new Error(String(++count)));
  await assert.rejects(
    withBackOff(attempt, () => false, QUICK, NEVER),
    { message: "1" },
  );
});

test("withBackOff() ends its pause with the signal", async () => {
  const stop = new AbortController();
  const attempt = () => {
    setImmediate(() => stop.abort());
    return Promise.reject(new Error("x"));
  };
  const long = { ...QUICK, firstPauseMs: 3_600_000 };
  await assert.rejects(
    withBackOff(attempt, () => true, long, stop.signal),
    { name: "AbortError" },
  );
});
