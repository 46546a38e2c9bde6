import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "./errors.ts";
import { MEASUREMENTS } from "./fixtures.ts";
import { parseImageMeasurements } from "./measurements.ts";

const parse = (value: unknown) => parseImageMeasurements(JSON.stringify(value), "m.json");

test("parseImageMeasurements() reads the file that the image build writes", () => {
  const file = { version: 1, variant: "qemu-vtpm", flavour: "release", measurements: { pcrs: MEASUREMENTS } };
  assert.deepEqual({ ...parse(file) }, { ...MEASUREMENTS });
});

test("parseImageMeasurements() lists every wrong value", () => {
  const pcrs = { ...MEASUREMENTS, 4: "zz", 16: "00".repeat(32), 9: 7, 11: undefined };
  assert.throws(
    () => parse({ measurements: { pcrs } }),
    (error) => {
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(
        error.findings.map(({ path }) => path),
        ["measurements.pcrs.4", "measurements.pcrs.9", "measurements.pcrs.16", "measurements.pcrs.11"],
      );
      assert.match(error.hint ?? "", /make image/);
      return true;
    },
  );
});

test("parseImageMeasurements() refuses a file that was cut off and one without registers", () => {
  assert.throws(() => parseImageMeasurements('{"measurements": {"pc', "m.json"), { code: "syntax" });
  for (const value of [null, 3, {}, { measurements: {} }, { measurements: { pcrs: {} } }]) {
    assert.throws(() => parse(value), { code: "invalid-fields" });
  }
});
