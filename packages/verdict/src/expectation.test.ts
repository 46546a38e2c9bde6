import assert from "node:assert/strict";
import { test } from "node:test";
import { expectBytes, expectValue } from "./index.ts";

const a = Uint8Array.of(0x0a, 0x0b);
const b = Uint8Array.of(0x0a, 0x0c);

test("expectValue() accepts one of the listed values only", () => {
  assert.deepEqual(expectValue("f", "code", 2, { kind: "equal", anyOf: [1, 2] }), {
    name: "f",
    outcome: "pass",
    got: "2",
    wanted: "1 or 2",
  });
  assert.deepEqual(expectValue("f", "code", "x", { kind: "equal", anyOf: ["y"] }), {
    name: "f",
    outcome: "fail",
    code: "code",
    got: "x",
    wanted: "y",
  });
  assert.equal(expectValue("f", "code", true, { kind: "equal", anyOf: [false] }).outcome, "fail");
  assert.equal(expectValue("f", "code", 5n, { kind: "equal", anyOf: [5n] }).outcome, "pass");
});

test("expectBytes() accepts one of the listed byte strings only, shown in hexadecimal", () => {
  assert.deepEqual(expectBytes("f", "code", b, { kind: "equal", anyOf: [a, b] }), {
    name: "f",
    outcome: "pass",
    got: "0a0c",
    wanted: "0a0b or 0a0c",
  });
  assert.deepEqual(expectBytes("f", "code", b, { kind: "equal", anyOf: [a] }), {
    name: "f",
    outcome: "fail",
    code: "code",
    got: "0a0c",
    wanted: "0a0b",
  });
  assert.equal(expectBytes("f", "code", a.subarray(0, 1), { kind: "equal", anyOf: [a] }).outcome, "fail");
});

test("expectValue() and expectBytes() accept nothing by an empty list", () => {
  for (const result of [
    expectValue("f", "code", "", { kind: "equal", anyOf: [] }),
    expectBytes("f", "code", new Uint8Array(0), { kind: "equal", anyOf: [] }),
  ]) {
    assert.deepEqual(result, { name: "f", outcome: "fail", code: "code", got: "", wanted: "none, the list is empty" });
  }
});

test("expectValue() and expectBytes() say that a policy leaves a value open, and why", () => {
  const open = { kind: "any", reason: "measured elsewhere" } as const;
  for (const [result, got] of [
    [expectValue("f", "code", 7, open), "7"],
    [expectBytes("f", "code", a, open), "0a0b"],
  ] as const) {
    assert.deepEqual(result, {
      name: "f",
      outcome: "accepted-by-choice",
      got,
      wanted: "any",
      reason: "measured elsewhere",
    });
  }
});
