import assert from "node:assert/strict";
import { test } from "node:test";
import { productOfCpuid, productOfName } from "./product.ts";

test("productOfCpuid() tells the product line by family and extended model", () => {
  const product = (famId: number, modId: number) => productOfCpuid({ famId, modId, step: 0 });
  assert.deepEqual(
    [0x00, 0x01, 0x0f].map((model) => product(0x19, model)),
    ["Milan", "Milan", "Milan"],
  );
  assert.deepEqual(
    [0x10, 0x11, 0x1f, 0xa0, 0xaf].map((model) => product(0x19, model)),
    Array(5).fill("Genoa"),
  );
  assert.deepEqual(
    [0x00, 0x02, 0x11, 0x1f].map((model) => product(0x1a, model)),
    Array(4).fill("Turin"),
  );
  for (const [famId, modId] of [
    [0x17, 0x31],
    [0x18, 0x00],
    [0x19, 0x20],
    [0x19, 0xb0],
    [0x1a, 0x20],
    [0x1a, 0x50],
  ] as const) {
    assert.equal(product(famId, modId), undefined);
  }
});

test("productOfName() reads the product line before the silicon revision", () => {
  assert.equal(productOfName("Milan"), "Milan");
  assert.equal(productOfName("Milan-B0"), "Milan");
  assert.equal(productOfName("Genoa-B1"), "Genoa");
  assert.equal(productOfName("Turin-C1"), "Turin");
  assert.equal(productOfName("Bergamo-A0"), "Genoa");
  assert.equal(productOfName("Siena"), "Genoa");
  for (const name of [
    "",
    "milan",
    "Rome",
    "Milan-",
    "Milan-B",
    "Milan-B01",
    "Milan-B0 ",
    " Milan",
    "Milan\n",
    "Genoa2",
  ]) {
    assert.equal(productOfName(name), undefined);
  }
});
