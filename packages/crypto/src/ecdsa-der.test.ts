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
    for (const size of [32, 48]) {
      assert.equal(hex(ecdsaDer(fromHex(number(r, size) + number(s, size)))), wanted);
    }
  }
});

test("ecdsaDer() keeps numbers of full length", () => {
  const full = "ff".repeat(48);
  assert.equal(hex(ecdsaDer(fromHex(full + full))), `3066023100${full}023100${full}`);
});
