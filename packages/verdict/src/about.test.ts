import assert from "node:assert/strict";
import { test } from "node:test";
import { about } from "./index.ts";

const { check, expectBytes, expectValue, fail, open, pass } = about("hardware.detail");
const speaksFor = "hardware.detail";
const a = Uint8Array.of(0x0a, 0x0b);
const b = Uint8Array.of(0x0a, 0x0c);

test("pass() gives a passed check with what was found", () => {
  assert.deepEqual(pass("f"), { name: "f", outcome: "pass", speaksFor });
  const wanted = { name: "f", outcome: "pass", speaksFor, got: "3", wanted: "2 to 5" };
  assert.deepEqual(pass("f", { got: "3", wanted: "2 to 5" }), wanted);
});

test("fail() gives a failed check with its code", () => {
  assert.deepEqual(fail("f", "version"), { name: "f", outcome: "fail", speaksFor, code: "version" });
  const details = { got: "9", wanted: "3", reason: "too new" };
  assert.deepEqual(fail("f", "version", details), {
    name: "f",
    outcome: "fail",
    speaksFor,
    code: "version",
    ...details,
  });
});

test("open() gives a check that was accepted by choice, with the reason", () => {
  const accepted = { name: "f", outcome: "accepted-by-choice", speaksFor, wanted: "any", reason: "why" };
  assert.deepEqual(open("f", "why"), accepted);
  assert.deepEqual(open("f", "why", { got: "1", wanted: "any but 2" }), { ...accepted, got: "1", wanted: "any but 2" });
});

test("check() passes or fails by its condition", () => {
  assert.deepEqual(check(true, "f", "vmpl", "0", "0"), pass("f", { got: "0", wanted: "0" }));
  assert.deepEqual(check(false, "f", "vmpl", "1", "0"), fail("f", "vmpl", { got: "1", wanted: "0" }));
});

test("expectValue() accepts one of the listed values only", () => {
  const two = expectValue("f", "code", 2, { kind: "equal", anyOf: [1, 2] });
  assert.deepEqual(two, pass("f", { got: "2", wanted: "1 or 2" }));
  const x = expectValue("f", "code", "x", { kind: "equal", anyOf: ["y"] });
  assert.deepEqual(x, fail("f", "code", { got: "x", wanted: "y" }));
  assert.equal(expectValue("f", "code", true, { kind: "equal", anyOf: [false] }).outcome, "fail");
  assert.equal(expectValue("f", "code", 5n, { kind: "equal", anyOf: [5n] }).outcome, "pass");
});

test("expectBytes() accepts one of the listed byte strings only, shown in hexadecimal", () => {
  const found = expectBytes("f", "code", b, { kind: "equal", anyOf: [a, b] });
  assert.deepEqual(found, pass("f", { got: "0a0c", wanted: "0a0b or 0a0c" }));
  const missed = expectBytes("f", "code", b, { kind: "equal", anyOf: [a] });
  assert.deepEqual(missed, fail("f", "code", { got: "0a0c", wanted: "0a0b" }));
  assert.equal(expectBytes("f", "code", a.subarray(0, 1), { kind: "equal", anyOf: [a] }).outcome, "fail");
});

test("expectValue() and expectBytes() accept nothing by an empty list", () => {
  for (const result of [
    expectValue("f", "code", "", { kind: "equal", anyOf: [] }),
    expectBytes("f", "code", new Uint8Array(0), { kind: "equal", anyOf: [] }),
  ]) {
    assert.deepEqual(result, fail("f", "code", { got: "", wanted: "none, the list is empty" }));
  }
});

test("expectValue() and expectBytes() say that a policy leaves a value open, and why", () => {
  const any = { kind: "any", reason: "measured elsewhere" } as const;
  assert.deepEqual(expectValue("f", "code", 7, any), open("f", "measured elsewhere", { got: "7" }));
  assert.deepEqual(expectBytes("f", "code", a, any), open("f", "measured elsewhere", { got: "0a0b" }));
});
