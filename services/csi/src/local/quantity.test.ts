import assert from "node:assert/strict";
import { test } from "node:test";
import { formatQuantity, parseQuantity, roundUp } from "./quantity.ts";

const good: readonly [string, number][] = [
  ["0", 0],
  ["1", 1],
  ["1Ki", 1024],
  ["1.5Gi", 1.5 * 1024 ** 3],
  ["0.5Gi", 512 * 1024 ** 2],
  ["1G", 1e9],
  ["1e3", 1000],
  ["12E2", 1200],
  ["100m", 1],
  ["1500m", 2],
  ["1e-1", 1],
  ["+5Mi", 5 * 1024 ** 2],
  ["8191Ti", 8191 * 1024 ** 4],
];
for (const [text, bytes] of good) {
  test(`parseQuantity() reads "${text}" as ${bytes} bytes`, () => assert.equal(parseQuantity(text), bytes));
}

for (const text of ["", "-1", "1GiB", "1 Gi", "Gi", "1e", "1e100", "9Ei", "1E", "0x10", "1".repeat(50), "NaN"]) {
  test(`parseQuantity() refuses "${text.slice(0, 12)}"`, () => {
    assert.throws(() => parseQuantity(text), { code: "argument_invalid" });
  });
}

test("formatQuantity() writes what parseQuantity() reads, in the largest unit that loses nothing", () => {
  const shown = [0, 1, 1024, 1536 * 1024 ** 2, 3 * 1024 ** 3, 1025].map(formatQuantity);
  assert.deepEqual(shown, ["0", "1", "1Ki", "1536Mi", "3Gi", "1025"]);
  assert.deepEqual(shown.map(parseQuantity).map(formatQuantity), shown);
});

test("roundUp() goes to whole MiB", () => {
  assert.deepEqual([0, 1, 1024 ** 2, 1024 ** 2 + 1].map(roundUp), [0, 1024 ** 2, 1024 ** 2, 2 * 1024 ** 2]);
});
