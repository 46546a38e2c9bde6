import assert from "node:assert/strict";
import { test } from "node:test";
import { fromLatin1, fromUtf16le, latin1, utf16le } from "./index.ts";

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, value) => value);

test("latin1() and fromLatin1() take each byte for its code point", () => {
  assert.equal(fromLatin1(EVERY_BYTE), Buffer.from(EVERY_BYTE).toString("latin1"));
  assert.deepEqual(latin1(fromLatin1(EVERY_BYTE)), EVERY_BYTE);
  assert.deepEqual(latin1("a\u0141"), Uint8Array.of(0x61, 0x41));
});

test("fromLatin1() reads long byte strings in parts", () => {
  for (const length of [0, 4095, 4096, 4097, 10_000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 7);
    assert.equal(fromLatin1(bytes), Buffer.from(bytes).toString("latin1"));
  }
});

test("utf16le() and fromUtf16le() keep every code unit", () => {
  const text = "a\0\u00e9\ufeff\u{1f600}\ud800!";
  assert.deepEqual([...utf16le(text)], [...Buffer.from(text, "utf16le")]);
  assert.equal(fromUtf16le(utf16le(text)), text);
});

test("fromUtf16le() leaves out an odd last byte, and reads a view into a larger buffer", () => {
  const padded = Uint8Array.of(9, 0x61, 0, 0x62, 0, 9);
  assert.equal(fromUtf16le(padded.subarray(1)), "ab");
  assert.equal(fromUtf16le(Uint8Array.of(1)), "");
});
