import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeTcbVersion, tcbVersionText } from "./tcb-version.ts";

const raw = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

test("decodeTcbVersion() reads the layout of Milan and Genoa", () => {
  const wanted = { bootLoader: 1, tee: 2, snp: 7, microcode: 8 };
  assert.deepEqual(decodeTcbVersion(raw, "Milan"), wanted);
  assert.deepEqual(decodeTcbVersion(raw, "Genoa"), wanted);
});

test("decodeTcbVersion() reads the layout of Turin", () => {
  assert.deepEqual(decodeTcbVersion(raw, "Turin"), { fmc: 1, bootLoader: 2, tee: 3, snp: 4, microcode: 8 });
});

test("tcbVersionText() names each component", () => {
  assert.equal(tcbVersionText(decodeTcbVersion(raw, "Turin")), "fmc 1, bootLoader 2, tee 3, snp 4, microcode 8");
});
