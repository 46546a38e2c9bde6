import assert from "node:assert/strict";
import { test } from "node:test";
import { vcpuModelSignature, vcpuSignature } from "./vcpu-signature.ts";

test("vcpuSignature() sets family, model and stepping apart as CPUID does", () => {
  assert.equal(vcpuSignature(25, 1, 1), 0x00a00f11);
  assert.equal(vcpuSignature(6, 0x8f, 8), 0x00080_6f8);
  assert.equal(vcpuSignature(15, 0, 0), 0xf00);
  assert.equal(vcpuSignature(270, 255, 15), 0x0fff0fff);
});

test("vcpuModelSignature() knows QEMU's models", () => {
  assert.equal(vcpuModelSignature("EPYC"), 0x00800f12);
  assert.equal(vcpuModelSignature("EPYC-Rome"), 0x00830f10);
  assert.equal(vcpuModelSignature("EPYC-Milan"), 0x00a00f11);
  assert.equal(vcpuModelSignature("EPYC-Genoa"), 0x00a10f10);
  assert.equal(vcpuModelSignature("EPYC-Turin"), 0x00b00f00);
});

test("vcpuSignature() refuses numbers that no CPU has", () => {
  for (const [family, model, stepping] of [
    [-1, 0, 0],
    [271, 0, 0],
    [25, 256, 0],
    [25, -1, 0],
    [25, 1, 16],
    [25, 1, -1],
    [25.5, 1, 1],
    [25, 1, Number.NaN],
  ] as const) {
    assert.throws(() => vcpuSignature(family, model, stepping), { code: "launch_input" });
  }
});
