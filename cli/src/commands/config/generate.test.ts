import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ATTESTATION_VARIANTS, type AttestationVariant } from "@constellation/config/variants";
import { parse } from "yaml";
import { Harness } from "../../testing/harness.ts";

const VARIANTS = Object.keys(ATTESTATION_VARIANTS) as AttestationVariant[];

const TCB = ["bootloaderVersion", "teeVersion", "snpVersion", "microcodeVersion"];
const BOOT = [4, 11, 12, 13].map((index) => `measurements.${index}.expected`);

/** Fields of the section that are the operator's to fill in, by variant; all others are valid as they are generated. */
const TO_FILL: Partial<Record<AttestationVariant, readonly string[]>> = {
  "aws-nitro-tpm": BOOT,
  "aws-sev-snp": [...BOOT, ...TCB],
  "azure-sev-snp": TCB,
  "azure-tdx": ["launchMeasurements[0]"],
  "azure-trustedlaunch": ["tpmRootKeys"],
  "gcp-sev-snp": TCB,
  "qemu-sev-snp": [...TCB, "launchMeasurements[0]"],
  "qemu-tdx": ["measurements.1.expected", "measurements.2.expected", "launchMeasurements[0]"],
};

/** Paths of the fields that an error lists. */
function wrongFields(err: string): string[] {
  return Array.from(err.matchAll(/^ +- ([^:]+): got /gm), ([, path = ""]) => path);
}

describe("config generate", () => {
  for (const variant of VARIANTS) {
    test(`-a ${variant} writes that section alone, and validate says what is to be filled in`, async (t) => {
      const harness = await Harness.create(t);
      const { code, err } = await harness.run("config", "generate", "qemu", "-a", variant);
      assert.equal(code, 0, err);
      assert.match(err, variant === "qemu-vtpm" ? /constellation apply/ : /Fill in its attestation section/);
      const { attestation } = parse(await harness.read("constellation-conf.yaml")) as { attestation: object };
      assert.deepEqual(Object.keys(attestation), [ATTESTATION_VARIANTS[variant].section]);
      const validated = await harness.run("config", "validate");
      const { section } = ATTESTATION_VARIANTS[variant];
      const wanted = (TO_FILL[variant] ?? []).map((field) => `attestation.${section}.${field}`);
      assert.deepEqual(wrongFields(validated.err), wanted);
      assert.equal(validated.code, wanted.length === 0 ? 0 : 1);
    });
  }

  test("refuses a variant that is none, and names those that are", async (t) => {
    const harness = await Harness.create(t);
    const { code, err } = await harness.run("config", "generate", "qemu", "-a", "sgx");
    assert.equal(code, 2);
    for (const variant of VARIANTS) assert.ok(err.includes(variant), err);
    await assert.rejects(harness.read("constellation-conf.yaml"), { code: "ENOENT" });
  });

  test("leaves a configuration alone that is there", async (t) => {
    const harness = await Harness.create(t);
    await harness.write("constellation-conf.yaml", "mine\n");
    assert.notEqual((await harness.run("config", "generate", "qemu")).code, 0);
    assert.equal(await harness.read("constellation-conf.yaml"), "mine\n");
  });
});
