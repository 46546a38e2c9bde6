import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, fromHex } from "@constellation/bytes";
import { fixedSignature } from "./report-signature.ts";

const ORDER = fromHex(
  "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
);

/** A component as it stands in a report. */
function component(bigEndian: Uint8Array, padding = new Uint8Array(24)): Uint8Array {
  return concat(Uint8Array.from(bigEndian).reverse(), padding);
}

/** A value of 48 bytes plus a small number. */
function plus(value: Uint8Array, summand: number): Uint8Array {
  const sum = Uint8Array.from(value);
  sum[47] = (sum[47] as number) + summand;
  return sum;
}

const one = plus(new Uint8Array(48), 1);
const largest = plus(ORDER, -1);

test("fixedSignature() turns r and s around", () => {
  assert.deepEqual(fixedSignature({ r: component(one), s: component(largest) }), concat(one, largest));
});

test("fixedSignature() refuses r or s outside 1 to the group order less one", () => {
  for (const wrong of [new Uint8Array(48), ORDER, plus(ORDER, 1), new Uint8Array(48).fill(0xff)]) {
    assert.equal(fixedSignature({ r: component(wrong), s: component(one) }), undefined);
    assert.equal(fixedSignature({ r: component(one), s: component(wrong) }), undefined);
  }
});

test("fixedSignature() refuses r or s with a byte set above 48 bytes", () => {
  for (let index = 0; index < 24; index++) {
    const padding = new Uint8Array(24);
    padding[index] = 1;
    assert.equal(fixedSignature({ r: component(one, padding), s: component(one) }), undefined);
    assert.equal(fixedSignature({ r: component(one), s: component(one, padding) }), undefined);
  }
});
