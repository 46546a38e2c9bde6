import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenBuckets } from "./token-buckets.ts";

test("TokenBuckets gives a burst, then what comes back with time, for each key", () => {
  const buckets = new TokenBuckets({ burst: 2, perSecond: 1, maxKeys: 10 });
  assert.deepEqual(
    [0, 0, 0].map((ms) => buckets.take("a", ms)),
    [true, true, false],
  );
  assert.equal(buckets.take("b", 0), true);
  assert.deepEqual(
    [999, 1_000, 1_001].map((ms) => buckets.take("a", ms)),
    [false, true, false],
  );
  assert.deepEqual(
    [90_000, 90_000, 90_000].map((ms) => buckets.take("a", ms)),
    [true, true, false],
  );
});

test("TokenBuckets remembers no more keys than it may, and forgets those that are full again", () => {
  const buckets = new TokenBuckets({ burst: 1, perSecond: 1, maxKeys: 2 });
  assert.deepEqual(
    ["a", "b", "c"].map((key) => buckets.take(key, 0)),
    [true, true, false],
  );
  assert.equal(buckets.take("c", 1_000), true);
});
