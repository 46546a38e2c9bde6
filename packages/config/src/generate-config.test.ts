import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "./config.ts";
import { ConfigError } from "./errors.ts";
import { MEASUREMENTS } from "./fixtures.ts";
import { statedMeasurements } from "./policy.ts";
import { generateQemuConfig, staleMeasurements, updateMeasurements } from "./generate-config.ts";

const good = generateQemuConfig({ image: "constellation.raw", measurements: MEASUREMENTS });

test("generateQemuConfig() puts a comment at each field", () => {
  const lines = good.split("\n");
  const bare = lines.filter((line, index) => {
    const isField = /^ {0,4}[a-zA-Z]+:/.test(line);
    return isField && !lines[index - 1]?.trim().startsWith("#");
  });
  assert.deepEqual(bare, []);
});

test("generateQemuConfig() takes every option", () => {
  const config = parseConfig(
    generateQemuConfig({
      image: "../x.raw",
      measurements: MEASUREMENTS,
      name: "big",
      tags: { a: "b" },
      registryMirrors: { _default: ["http://10.42.0.1:5000"] },
      controlPlaneCount: 5,
      workerCount: 0,
      stateDiskSizeGB: 8,
      vcpus: 4,
      memoryMiB: 8192,
      throwawayDisks: true,
      debugCluster: true,
    }),
  );
  assert.equal(config.nodeGroups["control_plane_default"]?.initialCount, 5);
  assert.equal(config.nodeGroups["worker_default"]?.initialCount, 0);
  assert.deepEqual(config.registryMirrors, { _default: ["http://10.42.0.1:5000"] });
  assert.deepEqual(config.provider.qemu, {
    vcpus: 4,
    memory: 8192,
    imageFormat: "raw",
    accel: "auto",
    throwawayDisks: true,
  });
  assert.equal(config.debugCluster, true);
});

test("generateQemuConfig() refuses options that the configuration does not allow", () => {
  assert.throws(() => generateQemuConfig({ image: "x.raw", measurements: MEASUREMENTS, name: "A B" }), ConfigError);
  assert.throws(() => generateQemuConfig({ image: "x.raw", measurements: { 4: "00" } }), ConfigError);
});

test("updateMeasurements() changes values only and keeps comments, order and warnOnly", () => {
  const own = good
    .replace("name: constell", "# my own comment\nname: mine # here, too")
    .replace(/(a1"\n\s+warnOnly: )false/, "$1true # until Friday");
  const updated = updateMeasurements(own, { ...MEASUREMENTS, 4: "dd".repeat(32), 14: "ee".repeat(32) });
  assert.equal(updated.replace("dd".repeat(32), MEASUREMENTS[4]).replace(/ {6}14:\n.*\n.*\n/, ""), own);
  const measurements = statedMeasurements(parseConfig(updated));
  assert.deepEqual(measurements["4"], { expected: "dd".repeat(32), warnOnly: true });
  assert.deepEqual(measurements["14"], { expected: "ee".repeat(32), warnOnly: false });
  assert.ok(updated.indexOf(" 14:") < updated.indexOf(" 15:"), "in order");
});

test("updateMeasurements() removes registers that the image does not predict", () => {
  const { 9: _, ...rest } = MEASUREMENTS;
  assert.equal(statedMeasurements(parseConfig(updateMeasurements(good, rest)))["9"], undefined);
});

test("updateMeasurements() of the same measurements changes nothing", () => {
  assert.equal(updateMeasurements(good, MEASUREMENTS), good);
});

test("staleMeasurements() names registers that differ, are missing or are too many", () => {
  const config = parseConfig(good);
  assert.deepEqual(staleMeasurements(config, MEASUREMENTS), []);
  const { 9: _, ...rest } = MEASUREMENTS;
  assert.deepEqual(staleMeasurements(config, { ...rest, 4: "00".repeat(32), 14: "11".repeat(32) }), [4, 9, 14]);
});
