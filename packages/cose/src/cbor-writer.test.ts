import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@constellation/bytes";
import { cborBytes, cborHead } from "./cbor-writer.ts";

test("cborHead() writes the shortest head", () => {
  for (const [argument, wanted] of [
    [0, "40"],
    [23, "57"],
    [24, "5818"],
    [255, "58ff"],
    [256, "590100"],
    [65535, "59ffff"],
    [65536, "5a00010000"],
    [0xffffffff, "5affffffff"],
  ] as const) {
    assert.equal(hex(cborHead(2, argument)), wanted);
  }
});

test("cborBytes() writes a byte string", () => {
  assert.equal(hex(cborBytes(Uint8Array.of(1, 2))), "420102");
});
