import assert from "node:assert/strict";
import { test } from "node:test";
import { BOOT_PCRS, bootAspect, claimOf, pcrAspect } from "./index.ts";

const measured = new Uint8Array(32).fill(7);
const zeros = new Uint8Array(32);
const ones = new Uint8Array(32).fill(0xff);

test("pcrAspect() gives every register of a TPM a claim", () => {
  const claims = Array.from({ length: 24 }, (_, index) => claimOf(pcrAspect(index, measured)));
  assert.deepEqual(new Set(claims), new Set(["executables", "configuration", "instance-identity"]));
});

test("pcrAspect() lets boot code be affirmed by what was measured into a register, and by nothing else", () => {
  const affirming = Array.from({ length: 24 }, (_, index) => index).filter(
    (index) => pcrAspect(index, measured) === "executables.boot",
  );
  assert.deepEqual(affirming, [4, 9, 11, 13]);
  for (const index of affirming) assert.equal(pcrAspect(index, zeros), "executables.firmware");
  assert.equal(bootAspect(zeros), "executables.firmware");
  assert.equal(bootAspect(measured), "executables.boot");
});

test("pcrAspect() wants a dynamic launch to be known, where there was one", () => {
  for (const index of [17, 18, 19, 20, 21, 22]) {
    assert.equal(pcrAspect(index, measured), "executables.firmware");
    assert.equal(pcrAspect(index, undefined), "executables.firmware");
    assert.equal(pcrAspect(index, zeros), "executables.detail");
    assert.equal(pcrAspect(index, ones), "executables.detail");
  }
});

test("BOOT_PCRS are registers that take away from executables where they are left open", () => {
  for (const index of BOOT_PCRS) {
    assert.ok(["executables.boot", "executables.firmware"].includes(pcrAspect(index, undefined)), `${index}`);
  }
});
