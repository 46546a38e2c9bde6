import assert from "node:assert/strict";
import { test } from "node:test";
import { revealText, textSecret } from "./text-secret.ts";
import { keptToken } from "./token-source.ts";

for (const [lifetimeMs, keptMs] of [
  [360_000, 240_000],
  [86_400_000, 300_000],
] as const) {
  test(`keptToken() keeps a token of ${lifetimeMs} ms for ${keptMs} ms`, async () => {
    let nowMs = 0;
    let fetched = 0;
    const ask = async () => {
      fetched += 1;
      return { secret: textSecret(`t${fetched}`), expiresAtMs: nowMs + lifetimeMs };
    };
    const source = keptToken(ask, () => new Date(nowMs));
    const { signal } = new AbortController();
    for (const [at, wanted] of [
      [0, "t1"],
      [keptMs, "t1"],
      [keptMs + 1, "t2"],
      [2 * keptMs + 1, "t2"],
      [2 * keptMs + 2, "t3"],
    ] as const) {
      nowMs = at;
      assert.equal(revealText(await source(signal)), wanted);
    }
  });
}
