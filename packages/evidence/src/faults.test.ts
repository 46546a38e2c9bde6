import assert from "node:assert/strict";
import { test } from "node:test";
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
