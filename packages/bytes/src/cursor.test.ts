import assert from "node:assert/strict";
import { test } from "node:test";
import { Cursor } from "./cursor.ts";

const counting = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

test("Cursor reads big-endian integers in order", () => {
  const cursor = new Cursor(counting);
  assert.equal(cursor.u8(), 0x01);
  assert.equal(cursor.u16be(), 0x0203);
  assert.equal(cursor.u32be(), 0x04050607);
  assert.equal(cursor.u64be(), 0x08090a0b0c0d0e0fn);
  assert.equal(cursor.offset, 15);
  assert.equal(cursor.remaining, 1);
});

test("Cursor reads little-endian integers in order", () => {
  const cursor = new Cursor(counting);
  assert.equal(cursor.u16le(), 0x0201);
  assert.equal(cursor.u32le(), 0x06050403);
  assert.equal(cursor.u64le(), 0x0e0d0c0b0a090807n);
});

test("Cursor reads unsigned values with the high bit set", () => {
  const cursor = new Cursor(new Uint8Array(12).fill(0xff));
  assert.equal(cursor.u32be(), 0xffffffff);
  assert.equal(cursor.u64le(), 0xffffffffffffffffn);
});

test("Cursor.take() and rest() give plain views of a Buffer at an offset", () => {
  const cursor = new Cursor(Buffer.from("xabcdef").subarray(1));
  const taken = cursor.take(2);
  assert.deepEqual(taken, Uint8Array.of(0x61, 0x62));
  assert.equal(Buffer.isBuffer(taken), false);
  assert.deepEqual(cursor.rest(), Uint8Array.of(0x63, 0x64, 0x65, 0x66));
  assert.equal(cursor.remaining, 0);
  cursor.end();
});

test("Cursor refuses to read past the end and stays where it was", () => {
  const cursor = new Cursor(Uint8Array.of(1));
  for (const read of ["u16be", "u32be", "u64be", "u16le", "u32le", "u64le"] as const) {
    assert.throws(() => cursor[read](), { name: "BytesError", code: "truncated" });
  }
  assert.throws(() => cursor.take(2), {
    code: "truncated",
    message: 'Read bytes failed: got "1" bytes at offset "0", wanted "2"',
  });
  assert.equal(cursor.u8(), 1);
  assert.throws(() => cursor.u8(), { code: "truncated" });
});

test("Cursor.take() refuses a length that is no count", () => {
  const cursor = new Cursor(counting);
  for (const length of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => cursor.take(length), { code: "length" });
  }
});

test("Cursor.end() refuses bytes that are left", () => {
  assert.throws(() => new Cursor(Uint8Array.of(1, 2)).end(), {
    code: "trailing",
    message: 'Read bytes failed: got "2" bytes after the end, wanted "0"',
  });
});
