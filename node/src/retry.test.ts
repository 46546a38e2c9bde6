import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { retry } from "./retry.ts";

const signal = new AbortController().signal;

describe("retry()", () => {
  test("gives the first success and tells the failures before", async () => {
    const failures: number[] = [];
    let calls = 0;
    const attempt = () => (++calls < 3 ? Promise.reject(new Error("not yet")) : Promise.resolve("done"));
    const result = await retry("a thing", attempt, { signal, firstDelayMs: 1, onFailure: (_, n) => failures.push(n) });
    assert.equal(result, "done");
    assert.deepEqual(failures, [1, 2]);
  });

  test("doubles its waits up to the greatest", async () => {
    const waits: number[] = [];
    let calls = 0;
    await retry("a thing", () => (++calls < 6 ? Promise.reject(new Error(`${calls}`)) : Promise.resolve()), {
      signal,
      firstDelayMs: 100,
      maxDelayMs: 400,
      delay: (ms) => {
        waits.push(ms);
        return Promise.resolve();
      },
    });
    assert.deepEqual(waits, [100, 200, 400, 400, 400]);
  });

  test("ends with the bound, saying what it waited for", async () => {
    const attempt = () => Promise.reject(new Error("no"));
    await assert.rejects(
      retry("a thing", attempt, { signal, firstDelayMs: 1, timeoutMs: 0 }),
      /Wait for a thing failed/,
    );
  });

  test("ends with an error that can't get better", async () => {
    const attempt = () => Promise.reject(new Error("final"));
    await assert.rejects(retry("a thing", attempt, { signal, isFinal: () => true }), /^Error: final$/);
  });

  test("ends with its signal", async () => {
    const abort = new AbortController();
    const running = retry("a thing", () => Promise.reject(new Error("no")), { signal: abort.signal });
    abort.abort(new Error("stop"));
    await assert.rejects(running);
  });
});
