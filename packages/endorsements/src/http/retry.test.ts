import assert from "node:assert/strict";
import { test } from "node:test";
import { EndorsementError, type EndorsementErrorCode } from "../error.ts";
import { refusal } from "../testing/errors.ts";
import { FakeWorld } from "../testing/world.ts";
import { retry } from "./retry.ts";

const LIMITS = { maxAttempts: 4, maxWaitMs: 10_000, totalMs: 15_000 };
const NEVER = new AbortController().signal;

/** Runs something that fails with these errors, one after the other, and then succeeds. */
async function attempts(world: FakeWorld, errors: readonly Error[], limits = LIMITS, signal = NEVER): Promise<string> {
  const left = [...errors];
  const waits: number[] = [];
  const tools = { now: world.now, delay: world.delay, onWait: (waitMs: number) => waits.push(waitMs), limits };
  const run = async () => {
    const error = left.shift();
    if (error) throw error;
    return "done";
  };
  try {
    return await retry(run, tools, signal);
  } finally {
    if (!signal.aborted) assert.deepEqual(waits, world.waitsMs);
  }
}

function failure(code: EndorsementErrorCode, retryAfterMs?: number): EndorsementError {
  return new EndorsementError(code, `Test failed: got ${code}`, retryAfterMs === undefined ? {} : { retryAfterMs });
}

test("retry() waits longer each time", async () => {
  const world = new FakeWorld();
  const errors = [failure("server_error"), failure("unreachable"), failure("truncated")];
  assert.equal(await attempts(world, errors), "done");
  assert.deepEqual(world.waitsMs, [100, 200, 400]);
});

test("retry() waits as long as the service asks for", async () => {
  const world = new FakeWorld();
  assert.equal(await attempts(world, [failure("rate_limited", 7_000), failure("server_error", 0)]), "done");
  assert.deepEqual(world.waitsMs, [7_000, 0]);
});

test("retry() waits longer for a service that asks to slow down without saying for how long", async () => {
  const world = new FakeWorld();
  assert.equal(await attempts(world, [failure("rate_limited"), failure("rate_limited")]), "done");
  assert.deepEqual(world.waitsMs, [2_000, 4_000]);
});

test("retry() waits no longer than the bound where the service says nothing", async () => {
  const world = new FakeWorld();
  const limits = { ...LIMITS, maxWaitMs: 3_000 };
  assert.equal(await attempts(world, [failure("rate_limited"), failure("rate_limited")], limits), "done");
  assert.deepEqual(world.waitsMs, [2_000, 3_000]);
});

test("retry() does not ask again sooner than the service wants", async () => {
  const world = new FakeWorld();
  await assert.rejects(attempts(world, [failure("rate_limited", 10_001)]), refusal("rate_limited"));
  assert.deepEqual(world.waitsMs, []);
});

test("retry() ends after the most attempts", async () => {
  const world = new FakeWorld();
  const errors = Array.from({ length: 9 }, () => failure("timeout"));
  await assert.rejects(attempts(world, errors), refusal("timeout"));
  assert.deepEqual(world.waitsMs, [100, 200, 400]);
});

test("retry() ends after the time for all attempts", async () => {
  const world = new FakeWorld();
  const errors = Array.from({ length: 9 }, () => failure("rate_limited", 6_000));
  await assert.rejects(attempts(world, errors), refusal("rate_limited"));
  assert.deepEqual(world.waitsMs, [6_000, 6_000]);
});

test("retry() does not try again what fails for good", async () => {
  const world = new FakeWorld();
  await assert.rejects(attempts(world, [failure("unknown_platform")]), refusal("unknown_platform"));
  await assert.rejects(attempts(world, [new RangeError("defect")]), RangeError);
  assert.deepEqual(world.waitsMs, []);
});

test("retry() ends its wait with the caller", async () => {
  const world = new FakeWorld();
  const signal = AbortSignal.abort();
  await assert.rejects(attempts(world, [failure("timeout")], LIMITS, signal), refusal("cancelled"));
});
