import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_RESERVE, promisableBytes } from "./space.ts";

const GIB = 1024 ** 3;
const reserve = { bytes: 2 * GIB, fraction: 0.2, headroom: 0.1 };

test("promisableBytes() counts volumes by their size, written or not", () => {
  const use = { sizeBytes: 30 * GIB, allocatedBytes: 10 * GIB };
  const space = { totalBytes: 100 * GIB, availableBytes: 85 * GIB };
  // The node uses 5 GiB: less than its reserve of 20.
  assert.equal(promisableBytes(space, use, reserve), 50 * GIB);
  assert.equal(
    promisableBytes({ ...space, availableBytes: 65 * GIB }, { ...use, allocatedBytes: 30 * GIB }, reserve),
    50 * GIB,
  );
});

test("promisableBytes() promises less when the node uses more than its reserve", () => {
  const use = { sizeBytes: 30 * GIB, allocatedBytes: 0 };
  // 50 GiB are used by the node, and 10 stay free beside them.
  assert.equal(promisableBytes({ totalBytes: 100 * GIB, availableBytes: 50 * GIB }, use, reserve), 10 * GIB);
  assert.equal(promisableBytes({ totalBytes: 100 * GIB, availableBytes: 10 * GIB }, use, reserve), 0);
});

test("promisableBytes() keeps at least the reserve's bytes on a small disk", () => {
  const nothing = { sizeBytes: 0, allocatedBytes: 0 };
  assert.equal(promisableBytes({ totalBytes: 4 * GIB, availableBytes: 4 * GIB }, nothing, reserve), 2 * GIB);
  assert.equal(promisableBytes({ totalBytes: GIB, availableBytes: GIB }, nothing, reserve), 0);
});

// Below a tenth free the kubelet evicts pods (its default for nodefs.available).
test("DEFAULT_RESERVE leaves the kubelet its tenth, even when all volumes are written full", () => {
  for (const nodeUse of [0, 1, 3, 5, 8]) {
    const space = { totalBytes: 10 * GIB, availableBytes: (10 - nodeUse) * GIB };
    const volumes = promisableBytes(space, { sizeBytes: 0, allocatedBytes: 0 }, DEFAULT_RESERVE);
    assert.ok(volumes === 0 || space.availableBytes - volumes > GIB, `${nodeUse} GiB`);
  }
});
