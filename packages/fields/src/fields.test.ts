import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  BITS_64,
  blob,
  bytes,
  choice,
  expectation,
  type Field,
  findingsText,
  FLAG,
  list,
  minimum,
  nullable,
  object,
  oneOf,
  REASON,
  readJson,
  readValue,
  shown,
  text,
  TIME,
  whole,
} from "./index.ts";

/** Findings of a value, a line each. */
function findings(field: Field<unknown>, value: unknown): string[] {
  return (readValue(field, value).findings ?? []).map(
    ({ path, got, wanted }) => `${path}: got ${got}, wanted ${wanted}`,
  );
}

/** Reads what was written, and gives both. */
function roundTrip<T>(field: Field<T>, document: unknown): { value: T | undefined; written: unknown } {
  const { value } = readValue(field, document);
  assert.notEqual(value, undefined);
  const written = field.write(value as T);
  assert.deepEqual(written, document);
  assert.deepEqual(readValue(field, written).value, value);
  return { value, written };
}

describe("fields of one value", () => {
  test("read what fits, and write it back", () => {
    roundTrip(FLAG, true);
    roundTrip(whole(0, 10), 10);
    roundTrip(oneOf(["a", "b"]), "b");
    roundTrip(text(/^x+$/, "x"), "xx");
    roundTrip(REASON, "because");
    assert.deepEqual(roundTrip(bytes(2), "00ff").value, Uint8Array.of(0, 255));
    assert.deepEqual(roundTrip(bytes(0, 2), "").value, new Uint8Array());
    assert.deepEqual(roundTrip(blob(2), "AP8=").value, Uint8Array.of(0, 255));
    assert.equal(roundTrip(object({ a: nullable(FLAG) }), { a: null }).value?.a, undefined);
    assert.equal(roundTrip(nullable(FLAG), true).value, true);
    assert.equal(roundTrip(BITS_64, "0xffffffffffffffff").value, 2n ** 64n - 1n);
    assert.equal(roundTrip(BITS_64, "0x0").value, 0n);
    assert.deepEqual(roundTrip(TIME, "2026-01-31T23:59:59.000Z").value, new Date(Date.UTC(2026, 0, 31, 23, 59, 59)));
    assert.deepEqual(readValue(TIME, "2026-01-31T23:59:59Z").value, new Date(Date.UTC(2026, 0, 31, 23, 59, 59)));
  });

  test("refuse everything else, with what they got and wanted", () => {
    for (const [field, values, wanted] of [
      [FLAG, ["true", 1, null, undefined], "true or false"],
      [whole(1, 5), [0, 6, 1.5, "1", Number.NaN, 2 ** 60], "a whole number from 1 to 5"],
      [oneOf(["a", "b"]), ["c", 1, undefined, ["a"]], '"a" or "b"'],
      [text(/^x+$/, "some x"), ["", "y", 1], "some x"],
      [REASON, ["", "a\u001b[2J", "x".repeat(201), 3], "a reason of 1 to 200 printable characters"],
      [bytes(2), ["00", "0000ff", "00FF", "0g00", "000", 1], "4 lower-case hex digits"],
      [bytes(1, 2), ["", "000000"], "2 to 4 lower-case hex digits"],
      [blob(2), ["AP8", "AP//", "AP8=AP8=", "?", 1, null], "base64 text of at most 2 bytes"],
      [nullable(FLAG), [undefined, 1], "true or false"],
      [BITS_64, ["1", "0x", "0x01", "0xG", "0x10000000000000000", 1], '"0x" and up to 16 lower-case hex digits'],
      [
        TIME,
        ["2026-01-31", "2026-02-28T25:00:00Z", "2026-02-30T00:00:00Z", "2026-01-31T23:59:59+01:00", 5],
        "a time as 2026-01-31T23:59:59Z",
      ],
    ] as const) {
      for (const value of values) {
        const [finding, ...others] = findings(field as Field<unknown>, value);
        assert.ok(
          finding?.startsWith(": got ") && finding.endsWith(`, wanted ${wanted}`),
          `${String(value)}: ${finding}`,
        );
        assert.deepEqual(others, []);
      }
    }
  });
});

const POINT = object({ x: whole(0, 9), y: FLAG });

describe("object() and list()", () => {
  test("read and write all members", () => {
    roundTrip(object({ points: list(POINT), name: REASON }), { points: [{ x: 1, y: true }], name: "n" });
    roundTrip(list(POINT), []);
  });

  test("find every wrong member, and name its path", () => {
    const field = object({ points: list(POINT), name: REASON });
    assert.deepEqual(findings(field, { points: [{ x: 1, y: 1 }, 5, { x: 10, y: true, z: 0 }], more: 1 }), [
      "more: got an unknown field, wanted only points, name",
      "points.0.y: got 1, wanted true or false",
      "points.1: got 5, wanted an object",
      "points.2.z: got an unknown field, wanted only x, y",
      "points.2.x: got 10, wanted a whole number from 0 to 9",
      "name: got nothing, wanted a reason of 1 to 200 printable characters",
    ]);
    assert.deepEqual(findings(field, []), [": got a list of 0, wanted an object"]);
    assert.deepEqual(findings(field, { points: {}, name: "n" }), ["points: got an object, wanted a list"]);
  });

  test("refuse a list that is too long without reading it, and note a hundred findings at most", () => {
    assert.deepEqual(findings(list(FLAG, 2), [1, 2, 3]), [": got a list of 3, wanted a list of at most 2"]);
    assert.deepEqual(findings(list(FLAG), Array(1025).fill(true)), [
      ": got a list of 1025, wanted a list of at most 1024",
    ]);
    assert.equal(findings(list(FLAG), Array(1024).fill(1)).length, 100);
  });

  test("do not let a key move a terminal's cursor", () => {
    assert.match(findings(POINT, { x: 1, y: true, "\u001b": 1 })[0] ?? "", /^\\u001b: got an unknown field/);
  });
});

type Shape = { readonly kind: "round"; readonly radius: number } | { readonly kind: "none" };
const SHAPE = choice<Shape>({ round: { radius: whole(0, 9) }, none: {} });

describe("choice()", () => {
  test("reads and writes each kind with its own members", () => {
    assert.deepEqual(roundTrip(SHAPE, { kind: "round", radius: 3 }).value, { kind: "round", radius: 3 });
    roundTrip(SHAPE, { kind: "none" });
  });

  test("refuses other kinds, and members of another kind", () => {
    assert.deepEqual(findings(SHAPE, { kind: "square" }), ['kind: got "square", wanted "round" or "none"']);
    assert.deepEqual(findings(SHAPE, {}), ['kind: got nothing, wanted "round" or "none"']);
    assert.deepEqual(findings(SHAPE, { kind: "none", radius: 3 }), ["radius: got an unknown field, wanted only kind"]);
    assert.deepEqual(findings(SHAPE, { kind: "round" }), ["radius: got nothing, wanted a whole number from 0 to 9"]);
    assert.deepEqual(findings(SHAPE, null), [": got null, wanted an object"]);
    assert.deepEqual(findings(object({ a: SHAPE }), { a: 1 }), ["a: got 1, wanted an object"]);
  });
});

describe("expectation() and minimum()", () => {
  test("read values, and the choice to leave one open with its reason", () => {
    roundTrip(expectation(bytes(1)), { kind: "equal", anyOf: ["00", "01"] });
    roundTrip(expectation(FLAG), { kind: "any", reason: "by choice" });
    roundTrip(minimum(whole(0, 9)), { kind: "minimum", value: 3 });
    roundTrip(minimum(FLAG), { kind: "any", reason: "by choice" });
    assert.deepEqual(findings(expectation(FLAG), { kind: "any" }), [
      "reason: got nothing, wanted a reason of 1 to 200 printable characters",
    ]);
  });
});

describe("readJson()", () => {
  test("reads strict JSON only", () => {
    assert.deepEqual(readJson(POINT, '{"x":1,"y":false}'), { value: { x: 1, y: false } });
    for (const json of ["", "{", '{"x":1,"x":1,"y":true}']) {
      const { findings: found } = readJson(POINT, json);
      assert.deepEqual([found?.length, found?.[0]?.path, found?.[0]?.wanted], [1, "", "strict JSON"]);
    }
  });

  test("findingsText() puts all findings in a line", () => {
    const { findings: found = [] } = readValue(POINT, 1);
    assert.equal(findingsText("policy", found), "policy: got 1, wanted an object");
    const several = readValue(POINT, {}).findings ?? [];
    assert.equal(
      findingsText("policy", several),
      "x: got nothing, wanted a whole number from 0 to 9; y: got nothing, wanted true or false",
    );
  });
});

test("shown() quotes, cuts, and names lists and objects by their kind", () => {
  assert.equal(shown("a\u001b"), '"a\\u001b"');
  assert.equal(shown(undefined), "nothing");
  assert.equal(shown(null), "null");
  assert.equal(shown([1]), "a list of 1");
  assert.equal(shown({}), "an object");
  assert.equal(shown("x".repeat(200)).length, 99);
});
