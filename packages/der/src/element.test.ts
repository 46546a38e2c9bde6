import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex } from "@constellation/bytes";
import { type DerElement, parseDer } from "./element.ts";

const parse = (hexText: string) => parseDer(fromHex(hexText.replaceAll(" ", "")));

test("parseDer() gives tag, encoding, contents and children", () => {
  const element = parse("30 06 02 01 05 80 01 ff");
  assert.equal(element.tag, 0x30);
  assert.equal(element.encoding.length, 8);
  assert.deepEqual(
    element.children.map((child) => [child.tag, ...child.contents]),
    [
      [0x02, 5],
      [0x80, 0xff],
    ],
  );
});

test("parseDer() gives plain views for a Buffer", () => {
  const element = parseDer(Buffer.from("040161", "hex"));
  assert.deepEqual(element.contents, Uint8Array.of(0x61));
  assert.equal(Buffer.isBuffer(element.contents), false);
});

test("parseDer() reads long lengths", () => {
  assert.equal(parse(`0481 80 ${"00".repeat(128)}`).contents.length, 128);
  assert.equal(parse(`0482 0100 ${"00".repeat(256)}`).contents.length, 256);
});

test("parseDer() refuses data after the element", () => {
  assert.throws(() => parse("0500 00"), { name: "DerError", code: "trailing", message: /got "1" bytes/ });
});

test("parseDer() refuses cut encodings", () => {
  for (const cut of ["", "30", "3003", "300302", "30020201", "0481", "048201"]) {
    assert.throws(() => parse(cut), { code: "truncated" });
  }
});

test("parseDer() refuses children that run past their parent", () => {
  assert.throws(() => parse("3005 3004 040301"), { code: "truncated" });
  assert.throws(() => parse("3004 3002 0402 0102"), { code: "truncated" });
});

test("parseDer() refuses indefinite lengths", () => {
  assert.throws(() => parse("3080 0000"), { code: "length" });
});

test("parseDer() refuses lengths that are not minimal", () => {
  assert.throws(() => parse("04817f"), { code: "length" });
  assert.throws(() => parse("048200ff"), { code: "length" });
  assert.throws(() => parse("04840000ffff"), { code: "length" });
});

test("parseDer() refuses lengths of more than four octets", () => {
  assert.throws(() => parse("04850100000000"), { code: "length" });
  assert.throws(() => parse("04ff"), { code: "length" });
});

test("parseDer() refuses huge lengths as cut", () => {
  assert.throws(() => parse("0484ffffffff00"), { code: "truncated" });
});

test("parseDer() refuses tag numbers of 31 and more", () => {
  assert.throws(() => parse("1f1f00"), { code: "tag" });
  assert.throws(() => parse("bf1f00"), { code: "tag" });
});

test("parseDer() refuses universal types in their BER form", () => {
  for (const ber of ["2400", "2300", "1000", "1100", "0000", "2000"]) {
    assert.throws(() => parse(ber), { code: "tag" });
  }
});

test("parseDer() refuses input above the size limit", () => {
  assert.throws(() => parseDer(fromHex("0401ff"), { maxSizeBytes: 2, maxDepth: 4 }), { code: "too_large" });
});

test("parseDer() refuses nesting above the depth limit", () => {
  const nested = fromHex("300430023000");
  assert.equal(parseDer(nested, { maxSizeBytes: 10, maxDepth: 4 }).children.length, 1);
  assert.equal(parseDer(nested, { maxSizeBytes: 10, maxDepth: 3 }).children.length, 1);
  assert.throws(() => parseDer(nested, { maxSizeBytes: 10, maxDepth: 2 }), { code: "too_deep" });
});

test("parseDer() gives the same children each time, and none for a primitive element", () => {
  const element = parse("3003 020105");
  assert.equal(element.children, element.children);
  assert.deepEqual(element.children[0]?.children, []);
});

test("parseDer() gives children one at a time", () => {
  const tags = (hexText: string) => Array.from(eachChild(parse(hexText)), ({ tag }) => tag);
  assert.deepEqual(tags("3005 020105 0500"), [0x02, 0x05]);
  assert.deepEqual(tags("3000"), []);
  assert.deepEqual(tags("0402 0500"), []);
});

test("parseDer() keeps lists of very many elements out of memory", () => {
  const list = (count: number) => parse(`3082${(count * 2).toString(16).padStart(4, "0")}${"0500".repeat(count)}`);
  assert.equal(list(4096).children.length, 4096);
  assert.throws(() => list(4097).children, { code: "too_large" });
  assert.equal(Array.from(eachChild(list(4097))).length, 4097);
});

test("parseDer() tells the size of the whole encoding", () => {
  const element = parse("3005 020105 0500");
  assert.equal(element.size, 7);
  assert.deepEqual(
    Array.from(eachChild(element), ({ size }) => size),
    [3, 2],
  );
});

function* eachChild(element: DerElement): Generator<DerElement> {
  for (let child = element.childAfter(); child !== undefined; child = element.childAfter(child)) yield child;
}
