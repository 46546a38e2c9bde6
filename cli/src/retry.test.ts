import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "./clock.ts";
import { CliError } from "./errors.ts";
import { retry } from "./retry.ts";

function clockOf(pauses: number[]): Clock {
  let nowMs = 0;
  return {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    sleep: async (durationMs) => {
      pauses.push(durationMs);
      nowMs += durationMs;
    },
  };
}

const signal = new AbortController().signal;

test("retry() pauses from 100 ms, twice as long each time, up to its longest", async () => {
  const pauses: number[] = [];
  let attempts = 0;
  const attempt = async () => {
    if (++attempts < 6) throw new Error("not yet");
    return "there";
  };
  const options = {
    clock: clockOf(pauses),
    waitingFor: "it",
    timeoutMs: 60_000,
    longestPauseMs: 500,
    isTemporary: () => true,
  };
  assert.equal(await retry(attempt, options, signal), "there");
  assert.deepEqual(pauses, [100, 200, 400, 500, 500]);
});

test("retry() gives up after its bound, naming what it waited for and the last error", async () => {
  const options = {
    clock: clockOf([]),
    waitingFor: "the moon",
    timeoutMs: 10_000,
    isTemporary: () => true,
    hint: "look up",
  };
  await assert.rejects(
    retry(() => Promise.reject(new Error("clouds")), options, signal),
    (error) =>
      error instanceof CliError &&
      error.code === "timeout" &&
      /the moon failed: it took longer than 10 s/.test(error.message) &&
      (error.cause as Error).message === "clouds" &&
      error.hint === "look up",
  );
});

test("retry() counts its bound from the last sign of life", async () => {
  const pauses: number[] = [];
  const clock = clockOf(pauses);
  let attempts = 0;
  let sign = 0;
  const attempt = async () => {
    if (++attempts === 50) return attempts;
    sign = clock.monotonicMs();
    throw new Error("broken");
  };
  const options = { clock, waitingFor: "it", timeoutMs: 6_000, lastSignMs: () => sign, isTemporary: () => true };
  assert.equal(await retry(attempt, options, signal), 50);
});

test("retry() passes on what is not temporary, and an abort", async () => {
  const options = { clock: clockOf([]), waitingFor: "it", timeoutMs: 1000, isTemporary: () => false };
  await assert.rejects(
    retry(() => Promise.reject(new TypeError("no")), options, signal),
    TypeError,
  );
  const aborted = AbortSignal.abort(new CliError("interrupted", "Interrupted"));
  await assert.rejects(
    retry(async () => 1, options, aborted),
    /Interrupted/,
  );
});
