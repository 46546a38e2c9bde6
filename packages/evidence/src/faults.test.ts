import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, utf8 } from "@constellation/bytes";
import { extend } from "@constellation/eventlog";
import { openQuotePolicy } from "@constellation/tdx";
import { readHcl } from "./azure.ts";
import { judgeEventLog, judgeTdx } from "./index.ts";
import { judgeLaunchPrediction } from "./launch-digest.ts";
import { showEvidence } from "./show/show.ts";

const none = undefined as unknown as Uint8Array;
const any = { kind: "any", reason: "test" } as const;

test("judges and showEvidence() hand on a fault of the caller, which is no verdict", () => {
  const policy = { roots: [], collateral: any, ccel: any, quote: openQuotePolicy(any) };
  for (const run of [
    () => readHcl(none, undefined),
    () => judgeTdx({ quote: none, collateral: undefined, ccel: undefined }, policy, new Date(0)),
    () => judgeEventLog({ eventLog: none, format: "cc", registers: new Map() }),
    () => judgeLaunchPrediction({ name: "x", input: undefined as never, expected: "refused" }),
    () => showEvidence({ 0: 0x30, length: 1 } as unknown as Uint8Array),
  ]) {
    assert.throws(run, TypeError);
  }
});

test("judgeEventLog() accepts no log without values to lead to, and no short one", () => {
  for (const eventLog of [new Uint8Array(), new Uint8Array(7), new Uint8Array(32)]) {
    const { checks } = judgeEventLog({ eventLog, format: "tcg", registers: new Map() });
    assert.ok(checks.some(({ outcome }) => outcome === "fail"));
  }
});

/** A log of the time before banks, with one measurement of zeros in a register. */
function legacyLog(first: string, index: number): Uint8Array {
  const event = (pcrIndex: number, type: number, data: string) =>
    concat(new Uint8Array(Uint32Array.of(pcrIndex, type).buffer), new Uint8Array(20), sized(utf8(data)));
  return concat(event(0, 3, first), event(index, 1, ""));
}

function sized(data: Uint8Array): Uint8Array {
  return concat(new Uint8Array(Uint32Array.of(data.length).buffer), data);
}

test("judgeEventLog() reads logs of TPM 1.2 by the signature that they start with", () => {
  const registers = new Map([
    ["sha1", new Map([[1, extend("sha1", new Uint8Array(20), new Uint8Array(20))]])],
  ] as const);
  const failed = (signature: string) =>
    judgeEventLog({ eventLog: legacyLog(signature, 1), format: "tcg", registers }).checks.some(
      ({ outcome }) => outcome === "fail",
    );
  assert.equal(failed("Spec ID Event00\0"), false);
  assert.equal(failed("Spec ID Event02\0"), false);
  assert.equal(failed("Spec ID Event04\0"), true);
});

test("judgeEventLog() takes registers of a dynamic launch without events for zeros or ones, and no others for ones", () => {
  const failed = (index: number, value: number) => {
    const registers = new Map([["sha1", new Map([[index, new Uint8Array(20).fill(value)]])]] as const);
    const { checks } = judgeEventLog({ eventLog: legacyLog("Spec ID Event00\0", 1), format: "tcg", registers });
    return checks.some(({ outcome }) => outcome === "fail");
  };
  for (const index of [17, 22]) {
    assert.deepEqual([failed(index, 0), failed(index, 0xff), failed(index, 1)], [false, false, true]);
  }
  for (const index of [0, 16, 23]) assert.deepEqual([failed(index, 0), failed(index, 0xff)], [false, true]);
});
