import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, hex } from "@constellation/bytes";
import { ecdsaDer } from "./ecdsa-der.ts";

const number = (last: string, size: number): string => last.padStart(2 * size, "0");

test("ecdsaDer() writes both numbers in their shortest form, with the highest bit clear", () => {
  for (const [r, s, wanted] of [
    ["01", "02", "3006020101020102"],
    ["80", "7f", "300702020080" + "02017f"],
    ["00", "0100", "3007020100" + "02020100"],
  ] as const) {
    for (const [curve, size] of [
      ["P-256", 32],
      ["P-384", 48],
    ] as const) {
      const fixed = fromHex(number(r, size) + number(s, size));
      assert.equal(hex(ecdsaDer(curve, fixed) ?? new Uint8Array()), wanted);
    }
  }
});

test("ecdsaDer() keeps numbers of full length", () => {
  const full = "ff".repeat(48);
  assert.equal(hex(ecdsaDer("P-384", fromHex(full + full)) ?? new Uint8Array()), `3066023100${full}023100${full}`);
});

test("ecdsaDer() refuses another length than the curve's", () => {
  for (const length of [0, 63, 65, 96]) assert.equal(ecdsaDer("P-256", new Uint8Array(length).fill(1)), undefined);
  assert.equal(ecdsaDer("P-384", new Uint8Array(64).fill(1)), undefined);
});
