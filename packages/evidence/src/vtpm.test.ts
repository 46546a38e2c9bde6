import assert from "node:assert/strict";
import { test } from "node:test";
import type { Expectation } from "@constellation/verdict";
import { judgeQuotes, type QuotesPolicy } from "./vtpm.ts";

test("judgeQuotes() judges registers in ascending order, those that are quoted and those that are wanted", () => {
  const any = { kind: "any", reason: "a test" } as const;
  const [zero, one] = [new Uint8Array(32), new Uint8Array(32).fill(1)];
  const equal = { kind: "equal", anyOf: [one] } as const;
  const policy: QuotesPolicy = {
    pcrs: {
      sha256: new Map<number, Expectation<Uint8Array>>([
        [23, equal],
        [7, equal],
        [10, any],
        [5, equal],
        [3, any],
      ]),
      sha384: new Map(),
      sha512: new Map(),
    },
    eventLog: any,
    qualifyingData: any,
  };
  const pcrs = new Map([
    [10, one],
    [7, one],
    [23, zero],
    [6, one],
  ]);
  const signature = { format: "rsassa-sha256", bytes: new Uint8Array() } as const;
  const quotes = [{ bank: "sha256", quote: new Uint8Array(), signature, pcrs }] as const;
  const { checks } = judgeQuotes({ quotes, eventLog: undefined }, policy, undefined);
  const judged = checks.filter(({ name, got }) => name.startsWith("pcr[") && got !== "none");
  const missing = checks.filter(({ name }) => name === "pcr[5]");
  assert.deepEqual(
    judged.map((check) => [check.name, check.outcome === "fail" ? check.code : check.outcome]),
    [
      ["pcr[6]", "pcr_not_stated"],
      ["pcr[7]", "pass"],
      ["pcr[10]", "accepted-by-choice"],
      ["pcr[23]", "pcr_mismatch"],
    ],
  );
  assert.deepEqual(
    missing.map((check) => [
      check.outcome === "fail" && check.code,
      checks.indexOf(check) < checks.indexOf(judged[0] ?? check),
    ]),
    [["pcr_missing", true]],
  );
});
