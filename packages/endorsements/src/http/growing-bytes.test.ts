import assert from "node:assert/strict";
import { test } from "node:test";
import { GrowingBytes } from "./growing-bytes.ts";

test("GrowingBytes joins pieces of any size", () => {
  const gathered = new GrowingBytes();
  assert.deepEqual(gathered.take(), new Uint8Array());
  const pieces = [1, 16_384, 0, 100_000, 3].map((size, index) => new Uint8Array(size).fill(index + 1));
  for (const piece of pieces) gathered.add(piece);
  assert.equal(gathered.length, 116_388);
  assert.deepEqual(gathered.take(), new Uint8Array(Buffer.concat(pieces)));
});
