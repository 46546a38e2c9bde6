import assert from "node:assert/strict";
import { test } from "node:test";
import { BytesError } from "@constellation/bytes";
import { readTdReportStruct } from "./td-report.ts";

/** Offsets and sizes of Intel's TDX Module ABI Specification, TDREPORT_STRUCT. */
const FIELDS = {
  REPORTDATA: [128, 64],
  TEE_TCB_SVN: [264, 16],
  MRSEAM: [280, 48],
  MRSIGNERSEAM: [328, 48],
  SEAMATTRIBUTES: [376, 8],
  TDATTRIBUTES: [512, 8],
  XFAM: [520, 8],
  MRTD: [528, 48],
  MRCONFIGID: [576, 48],
  MROWNER: [624, 48],
  MROWNERCONFIG: [672, 48],
  RTMR0: [720, 48],
  RTMR1: [768, 48],
  RTMR2: [816, 48],
  RTMR3: [864, 48],
} as const;

test("readTdReportStruct() reads each field where the structure has it, and leaves aside what is behind", () => {
  const bytes = new Uint8Array(1184);
  Object.values(FIELDS).forEach(([offset, size], index) => bytes.fill(index + 1, offset, offset + size));
  const { tdxVersion, ...fields } = readTdReportStruct(bytes);
  const wanted = Object.entries(FIELDS).map(([name, [, size]], index) => [name, new Uint8Array(size).fill(index + 1)]);
  assert.equal(tdxVersion, "1.0");
  assert.deepEqual(fields, Object.fromEntries(wanted));
});

test("readTdReportStruct() refuses one that was cut off", () => {
  assert.throws(() => readTdReportStruct(new Uint8Array(1023)), BytesError);
});
