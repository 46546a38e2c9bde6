import assert from "node:assert/strict";
import { test } from "node:test";
import { BytesError } from "@constellation/bytes";
import { attempt } from "./attempt.ts";
import { TdxError } from "./index.ts";

const throwing = (error: Error) => () => {
  throw error;
};

test("attempt() gives the value", () => {
  assert.deepEqual(
    attempt([TdxError], () => 1),
    { value: 1 },
  );
});

test("attempt() gives an error of the classes it is told", () => {
  const bytes = new BytesError("length", "");
  const tdx = new TdxError("body_size", "");
  assert.equal(attempt([BytesError], throwing(bytes)).error, bytes);
  assert.equal(attempt([BytesError, TdxError], throwing(tdx)).error, tdx);
});

test("attempt() hands on all other errors", () => {
  for (const error of [new TypeError(), new BytesError("length", "")]) {
    assert.throws(() => attempt([TdxError], throwing(error)), error);
  }
});
