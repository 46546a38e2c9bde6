import assert from "node:assert/strict";
import { test } from "node:test";
import { concat } from "@constellation/bytes";
import { FAKE_BODY, type FakeCcEvent, fakeCcel, fakeRtmr } from "./testing/index.ts";
import { type Check, parseCcel, TdxError, type TdxErrorCode, type TdReport15, verifyCcel } from "./index.ts";

const EVENTS: readonly FakeCcEvent[] = [
  { register: 1, data: "firmware" },
  { register: 2, data: "loader" },
  { register: 1, data: "variables" },
  { register: 3, data: "kernel" },
];
const AREA = fakeCcel(EVENTS);
const BODY: TdReport15 = {
  tdxVersion: "1.5",
  ...FAKE_BODY,
  RTMR0: fakeRtmr("firmware", "variables"),
  RTMR1: fakeRtmr("loader"),
  RTMR2: fakeRtmr("kernel"),
};

function failures(checks: readonly Check[]): string[] {
  return checks.flatMap((check) => (check.outcome === "fail" ? [`${check.name}: ${check.code}`] : []));
}

const refused = (code: TdxErrorCode) => (error: unknown) => error instanceof TdxError && error.code === code;

test("parseCcel() replays a log", () => {
  const { log, rtmrs } = parseCcel(AREA);
  assert.equal(log.events.length, 4);
  assert.deepEqual(Object.fromEntries(rtmrs), { RTMR0: BODY.RTMR0, RTMR1: BODY.RTMR1, RTMR2: BODY.RTMR2 });
  assert.deepEqual(parseCcel(fakeCcel([{ register: 4, data: "a" }])).rtmrs.get("RTMR3"), fakeRtmr("a"));
});

test("parseCcel() refuses what is no CC event log", () => {
  assert.throws(() => parseCcel(new Uint8Array()), refused("ccel_truncated"));
  assert.throws(() => parseCcel(AREA.subarray(0, AREA.length - 70)), refused("ccel_truncated"));
  assert.throws(() => parseCcel(concat(AREA, Uint8Array.of(0))), refused("ccel_format"));
  assert.throws(() => parseCcel(fakeCcel([])), refused("ccel_format"));
  assert.throws(() => parseCcel(fakeCcel([{ register: 5, data: "" }])), refused("ccel_format"));
  assert.throws(() => parseCcel(fakeCcel([{ register: 0, data: "" }])), refused("ccel_format"));
  assert.throws(() => parseCcel(fakeCcel(EVENTS, 0x12, 32)), refused("ccel_algorithm"));
  assert.throws(() => parseCcel(fakeCcel(EVENTS, 0x0b, 32)), refused("ccel_algorithm"));
  assert.throws(() => parseCcel(new Uint8Array(16 * 1024 * 1024 + 1)), refused("too_large"));
});

test("parseCcel() hands on errors that are none of the log's", () => {
  assert.throws(() => parseCcel(undefined as unknown as Uint8Array), TypeError);
});

test("verifyCcel() accepts a log that leads to the registers", () => {
  const checks = verifyCcel(BODY, AREA);
  assert.deepEqual(failures(checks), []);
  assert.deepEqual(
    checks.map(({ name }) => name),
    ["ccel", "ccel.RTMR0", "ccel.RTMR1", "ccel.RTMR2", "ccel.RTMR3"],
  );
  for (const { speaksFor } of checks) assert.equal(speaksFor, "executables.log");
});

test("verifyCcel() refuses registers that the log does not lead to", () => {
  for (const name of ["RTMR0", "RTMR1", "RTMR2"] as const) {
    const wanted = [`ccel.${name}: ccel_rtmr_mismatch`];
    assert.deepEqual(failures(verifyCcel({ ...BODY, [name]: new Uint8Array(48) }, AREA)), wanted);
  }
});

test("verifyCcel() takes a register without events for zero", () => {
  const area = fakeCcel(EVENTS.filter(({ register }) => register !== 3));
  assert.deepEqual(failures(verifyCcel(BODY, area)), ["ccel.RTMR2: ccel_rtmr_mismatch"]);
  assert.deepEqual(failures(verifyCcel({ ...BODY, RTMR2: new Uint8Array(48) }, area)), []);
});

test("verifyCcel() compares RTMR3 where the log speaks of it", () => {
  const area = fakeCcel([...EVENTS, { register: 4, data: "container" }]);
  assert.deepEqual(failures(verifyCcel(BODY, area)), ["ccel.RTMR3: ccel_rtmr_mismatch"]);
  assert.deepEqual(failures(verifyCcel({ ...BODY, RTMR3: fakeRtmr("container") }, area)), []);
});

test("verifyCcel() reports checks that could not run as failed", () => {
  assert.deepEqual(failures(verifyCcel(BODY, new Uint8Array())), [
    "ccel: ccel_truncated",
    "ccel.RTMR0: not_checked",
    "ccel.RTMR1: not_checked",
    "ccel.RTMR2: not_checked",
    "ccel.RTMR3: not_checked",
  ]);
});
