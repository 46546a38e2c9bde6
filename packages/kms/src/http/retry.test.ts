import assert from "node:assert/strict";
import { test } from "node:test";
import { KmsError, type KmsErrorCode } from "../error.ts";
import { TTLV_LIMITS } from "../kmip/ttlv.ts";
import { DEFAULT_LIMITS, type Limits } from "./fetch.ts";
import { retried } from "./retry.ts";

const OPERATION = { side: "kms", name: "Test" } as const;
const busy = (retryAfterMs?: number): KmsError => new KmsError("kms_busy", "busy", { retryAfterMs });
const coded = (code: KmsErrorCode) => (error: unknown) => error instanceof KmsError && error.code === code;

/** Tools whose clock moves by waits alone. */
function toolsOf(limits: Partial<Limits> = {}, jitter = 1) {
  let nowMs = 0;
  const waits: number[] = [];
  return {
    waits,
    now: () => new Date(nowMs),
    jitter: () => jitter,
    delay: async (waitMs: number) => {
      waits.push(waitMs);
      nowMs += waitMs;
    },
    limits: { ...DEFAULT_LIMITS, ...limits },
  };
}

const { signal } = new AbortController();

test("retried() doubles waits from 100 ms and gives up after its attempts", async () => {
  const tools = toolsOf({ maxAttempts: 4 });
  let attempts = 0;
  const run = retried(OPERATION, tools, signal, async () => {
    attempts += 1;
    throw busy();
  });
  await assert.rejects(run, coded("kms_busy"));
  assert.equal(attempts, 4);
  assert.deepEqual(tools.waits, [100, 200, 400]);
});

test("retried() spreads waits over half of themselves", async () => {
  const tools = toolsOf({ maxAttempts: 3 }, 0);
  await assert.rejects(
    retried(OPERATION, tools, signal, () => Promise.reject(busy())),
    coded("kms_busy"),
  );
  assert.deepEqual(tools.waits, [50, 100]);
});

test("retried() gives what a later attempt gives", async () => {
  const tools = toolsOf();
  let attempts = 0;
  const got = await retried(OPERATION, tools, signal, async () => {
    attempts += 1;
    if (attempts < 3) throw busy();
    return "done";
  });
  assert.equal(got, "done");
});

test("retried() does not try again what will not end", async () => {
  const tools = toolsOf();
  const denied = new KmsError("kms_denied", "denied");
  await assert.rejects(
    retried(OPERATION, tools, signal, () => Promise.reject(denied)),
    coded("kms_denied"),
  );
  await assert.rejects(
    retried(OPERATION, tools, signal, () => Promise.reject(new TypeError("bug"))),
    TypeError,
  );
  assert.deepEqual(tools.waits, []);
});

test("retried() waits as long as the service asks, and gives up where that is beyond its bounds", async () => {
  const tools = toolsOf({ maxAttempts: 2 });
  await assert.rejects(
    retried(OPERATION, tools, signal, () => Promise.reject(busy(3_000))),
    coded("kms_busy"),
  );
  assert.deepEqual(tools.waits, [3_000]);
  const impatient = toolsOf({ maxAttempts: 2, maxWaitMs: 2_999 });
  await assert.rejects(
    retried(OPERATION, impatient, signal, () => Promise.reject(busy(3_000))),
    coded("kms_busy"),
  );
  assert.deepEqual(impatient.waits, []);
});

test("retried() begins no wait that ends after the whole time", async () => {
  const tools = toolsOf({ maxAttempts: 100, totalMs: 1_000 });
  await assert.rejects(
    retried(OPERATION, tools, signal, () => Promise.reject(busy())),
    coded("kms_busy"),
  );
  assert.deepEqual(tools.waits, [100, 200, 400]);
});

test("retried() ends an attempt that takes too long", async () => {
  const tools = toolsOf({ attemptMs: 1, maxAttempts: 1 });
  const never = (attempt: AbortSignal) =>
    new Promise<never>((_, reject) => {
      attempt.addEventListener("abort", () => reject(attempt.reason as Error), { once: true });
    });
  await assert.rejects(retried(OPERATION, tools, signal, never), coded("kms_timeout"));
});

test("retried() ends with the caller, also while it waits", async () => {
  const controller = new AbortController();
  const tools = { ...toolsOf(), delay: () => Promise.reject(new Error("aborted")) };
  await assert.rejects(
    retried(OPERATION, tools, controller.signal, () => Promise.reject(busy())),
    coded("cancelled"),
  );
  controller.abort();
  await assert.rejects(
    retried(OPERATION, toolsOf(), controller.signal, async () => "x"),
    coded("cancelled"),
  );
});

test("DEFAULT_LIMITS and TTLV_LIMITS are those of SPECIFICATION.md", () => {
  assert.deepEqual(DEFAULT_LIMITS, {
    attemptMs: 10_000,
    maxAttempts: 5,
    maxWaitMs: 5_000,
    totalMs: 45_000,
    maxBodyBytes: 65_536,
  });
  assert.deepEqual(TTLV_LIMITS, { depth: 16, items: 4_096, bytes: 65_536 });
});
