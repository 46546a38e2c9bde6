import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, fromHex, hex } from "@constellation/bytes";
import { int, nul, seq } from "@constellation/der/testing/der-writer";
import { fixedFromDer } from "./ecdsa-signature.ts";

test("fixedFromDer() pads short numbers and drops the octet of the sign", () => {
  const fixed = (signature: Uint8Array) => hex(fixedFromDer(signature, 4) ?? new Uint8Array());
  assert.equal(fixed(seq(int(1), int(0, 0x80))), "0000000100000080");
  assert.equal(fixed(seq(int(0, 0xff, 1, 2, 3), int(0x7f, 1, 2, 3))), "ff0102037f010203");
  assert.equal(fixed(seq(int(0), int(0))), "0000000000000000");
});

test("fixedFromDer() gives nothing for numbers that are negative or too long, and for other forms", () => {
  const good = seq(int(1), int(2));
  for (const signature of [
    new Uint8Array(),
    seq(int(0x80), int(1)),
    seq(int(1), int(0xff)),
    seq(int(1, 0, 0, 0, 0), int(1)),
    seq(int(1), int(0, 0x80, 0, 0, 0, 0)),
    seq(int(0, 1), int(1)),
    seq(int(1)),
    seq(int(1), nul()),
    seq(int(1), int(2), int(3)),
    concat(good, Uint8Array.of(0)),
    fromHex("308106020101020102"),
    fromHex("3080020101020102" + "0000"),
  ]) {
    assert.equal(fixedFromDer(signature, 4), undefined, hex(signature));
  }
});

test("fixedFromDer() lets through what is no fault of the input", () => {
  assert.throws(() => fixedFromDer(undefined as unknown as Uint8Array, 32), TypeError);
});
