import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { formatSlot, parseArea, parseSlot, RECOVERY_AREA, type RecoverySlot } from "./slot.ts";

const random = (size: number): Uint8Array => new Uint8Array(randomBytes(size));
const slot = (sequence: number): RecoverySlot => ({
  sequence,
  sealedKey: { publicArea: random(78), privateArea: random(190) },
  nonce: random(12),
  ciphertext: random(3_000),
});

test("parseSlot() reads what formatSlot() wrote", () => {
  const written = slot(5);
  assert.deepEqual(parseSlot(formatSlot(written)), written);
});

test("parseSlot() takes no slot of which any bit is another, or that is cut anywhere", () => {
  const bytes = formatSlot(slot(5));
  const used = bytes.findLastIndex((byte) => byte !== 0) + 1;
  for (let at = 0; at < used; at += 7) {
    const changed = Uint8Array.from(bytes);
    changed[at] = changed[at]! ^ 0x10;
    assert.equal(parseSlot(changed), undefined, `byte ${at}`);
    assert.equal(parseSlot(bytes.subarray(0, at)), undefined, `cut at ${at}`);
  }
});

test("parseSlot() takes nothing else for a slot", () => {
  for (const size of [0, 1, 5, 64, RECOVERY_AREA.slotBytes]) {
    assert.equal(parseSlot(new Uint8Array(size)), undefined);
    assert.equal(parseSlot(random(size)), undefined);
    assert.equal(parseSlot(new Uint8Array(size).fill(0xff)), undefined);
  }
});

test("parseArea() gives the newer slot first, wherever it lies", () => {
  for (const [first, second] of [
    [1, 2],
    [9, 8],
  ] as const) {
    const area = Buffer.concat([formatSlot(slot(first)), formatSlot(slot(second))]);
    assert.deepEqual(
      parseArea(area).map((found) => found.slot.sequence),
      [first, second].toSorted((a, b) => b - a),
    );
  }
});

test("formatSlot() refuses a record that is too long for a slot", () => {
  const long = { ...slot(1), ciphertext: random(RECOVERY_AREA.slotBytes) };
  assert.throws(() => formatSlot(long), { code: "sealed_record" });
});
