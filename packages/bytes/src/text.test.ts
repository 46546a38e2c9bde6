import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { base64, concat, equalConstantTime, fromBase64, fromHex, fromUtf8, hex, utf8 } from "./index.ts";

test("concat() joins parts in order into a new array", () => {
  const part = Uint8Array.of(1, 2);
  const joined = concat(part, new Uint8Array(0), Uint8Array.of(3));
  part[0] = 9;
  assert.deepEqual(joined, Uint8Array.of(1, 2, 3));
  assert.deepEqual(concat(), new Uint8Array(0));
});

test("equalConstantTime() is true for equal bytes only", () => {
  assert.equal(equalConstantTime(Uint8Array.of(1, 2), Uint8Array.of(1, 2)), true);
  assert.equal(equalConstantTime(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false);
  assert.equal(equalConstantTime(Uint8Array.of(1, 2), Uint8Array.of(0, 2)), false);
  assert.equal(equalConstantTime(Uint8Array.of(1), Uint8Array.of(1, 0)), false);
  assert.equal(equalConstantTime(new Uint8Array(0), new Uint8Array(0)), true);
});

test("hex() and fromHex() agree with Buffer", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      assert.equal(hex(bytes), Buffer.from(bytes).toString("hex"));
      assert.deepEqual(fromHex(hex(bytes)), bytes);
      assert.deepEqual(fromHex(hex(bytes).toUpperCase()), bytes);
    }),
  );
});

test("hex() writes out long byte strings in parts", () => {
  for (const length of [2047, 2048, 2049, 10_000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 7);
    assert.equal(hex(bytes), Buffer.from(bytes).toString("hex"));
  }
});

test("fromHex() refuses odd lengths and other characters", () => {
  for (const text of ["0", "0g", " 00", "0x00", "00\n", "٠٠"]) {
    assert.throws(() => fromHex(text), { name: "BytesError", code: "encoding" });
  }
});

test("utf8() and fromUtf8() round trip", () => {
  assert.deepEqual(utf8("é"), Uint8Array.of(0xc3, 0xa9));
  assert.equal(fromUtf8(Uint8Array.of(0xc3, 0xa9)), "é");
  assert.equal(fromUtf8(utf8("\ufeffx")), "\ufeffx");
});

test("fromUtf8() refuses bytes that are not UTF-8", () => {
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80]]) {
    assert.throws(() => fromUtf8(Uint8Array.from(bytes)), { code: "encoding" });
  }
});

test("base64() and fromBase64() agree with Buffer", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      assert.equal(base64(bytes), Buffer.from(bytes).toString("base64"));
      assert.deepEqual(fromBase64(base64(bytes)), bytes);
      assert.deepEqual(fromBase64(utf8(base64(bytes))), bytes);
    }),
  );
});

test("fromBase64() refuses bytes and characters outside the alphabet", () => {
  for (const text of ["AA\u00e9=", "AA\u0141A", "AAA\n", "A-AA", "A_AA"]) {
    assert.throws(() => fromBase64(text), { name: "BytesError", code: "encoding", message: /outside/ });
  }
  for (let byte = 0x80; byte < 0x100; byte++) {
    assert.throws(() => fromBase64(Uint8Array.of(0x41, byte, 0x41, 0x41)), { code: "encoding" });
  }
});

test("fromBase64() refuses a length that is no multiple of four", () => {
  for (const text of ["A", "AA", "AAA", "AAAAA"]) assert.throws(() => fromBase64(text), { code: "encoding" });
});

test("fromBase64() refuses characters outside the alphabet and misplaced padding", () => {
  for (const text of [
    "AA-_",
    "AA A",
    "A===",
    "====",
    "AA=A",
    "AA==AAAA",
    "AAA\n",
    "AA\u007f=",
    "AAA\u00c1",
    "AAA\uff21",
  ]) {
    assert.throws(() => fromBase64(text), { code: "encoding" });
  }
});

test("fromBase64() refuses unused bits that are set", () => {
  for (const text of ["AB==", "AAB="]) {
    assert.throws(() => fromBase64(text), { code: "encoding", message: /unused bits/ });
  }
});
