import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { hex, utf8 } from "@constellation/bytes";
import { SECTIONS, writeFirmware } from "../testing/firmware-writer.ts";
import { hashDirectBoot, kernelHashesPage } from "./kernel-hashes.ts";
import { LaunchDigest, PAGE_TYPE } from "./launch-digest.ts";
import { type LaunchInput, predictLaunchMeasurement } from "./predict-launch-measurement.ts";
import { vcpuModelSignature } from "./vcpu-signature.ts";
import { type Vmm, vmsaGpa } from "./vmm.ts";
import { RESET_EIP, vmsaPage } from "./vmsa.ts";

const firmware = writeFirmware();
const hashes = hashDirectBoot({ kernel: utf8("kernel"), initrd: utf8("initrd"), cmdline: "quiet" });
const qemu: LaunchInput = {
  vmm: { kind: "qemu" },
  firmware,
  kernelHashes: "none",
  vcpus: 1,
  vcpuSignature: vcpuModelSignature("EPYC-Milan"),
  guestFeatures: 1n,
};

const predict = (change: Partial<LaunchInput> = {}) => hex(predictLaunchMeasurement({ ...qemu, ...change }));

/** The digest over the firmware, the steps of a test, and vCPUs. */
function measured(steps: (launch: LaunchDigest) => void, vmm: Vmm = qemu.vmm, vcpus = 1): string {
  const launch = new LaunchDigest();
  launch.addNormalPages(2 ** 32 - firmware.length, firmware);
  steps(launch);
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    const { vcpuSignature: signature, guestFeatures } = qemu;
    const page = vmsaPage({ vmm, eip: vcpu === 0 ? RESET_EIP : 0x80b004, signature, guestFeatures });
    launch.addVmsaPage(vmsaGpa(vmm), new Uint8Array(createHash("sha384").update(page).digest()));
  }
  return hex(launch.value);
}

const secMem = (launch: LaunchDigest) => launch.addContentlessPages(PAGE_TYPE.ZERO, 0x800000, 0x9000);
const secrets = (launch: LaunchDigest) => launch.addContentlessPages(PAGE_TYPE.SECRETS, 0x80d000, 0x1000);
const cpuid = (launch: LaunchDigest) => launch.addContentlessPages(PAGE_TYPE.CPUID, 0x80e000, 0x1000);
const caa = (launch: LaunchDigest) => launch.addContentlessPages(PAGE_TYPE.ZERO, 0x80f000, 0x1000);
const noHashes = (launch: LaunchDigest) => launch.addContentlessPages(PAGE_TYPE.ZERO, 0x810000, 0x1000);
const withHashes = (launch: LaunchDigest) =>
  launch.addNormalPages(0x810000, kernelHashesPage(hashes, { gpa: 0x810c00, sizeBytes: 0x400 }));

function inOrder(...steps: readonly ((launch: LaunchDigest) => void)[]) {
  return (launch: LaunchDigest) => {
    for (const step of steps) step(launch);
  };
}

test("predictLaunchMeasurement() measures firmware, sections and vCPUs in the order of QEMU", () => {
  assert.equal(predict(), measured(inOrder(secMem, secrets, cpuid, caa, noHashes)));
  const booted = inOrder(secMem, secrets, cpuid, caa, withHashes);
  assert.equal(predict({ kernelHashes: hashes }), measured(booted));
  assert.equal(predict({ kernelHashes: hashes, vcpus: 3 }), measured(booted, qemu.vmm, 3));
});

test("predictLaunchMeasurement() measures the CPUID page last for Amazon", () => {
  const vmm: Vmm = { kind: "ec2" };
  assert.equal(predict({ vmm, vcpus: 2 }), measured(inOrder(secMem, secrets, caa, noHashes, cpuid), vmm, 2));
});

test("predictLaunchMeasurement() measures unset memory as unmeasured for Google", () => {
  const vmm: Vmm = { kind: "gce", product: "Genoa" };
  const unset = (launch: LaunchDigest) => launch.addContentlessPages(PAGE_TYPE.UNMEASURED, 0x800000, 0x9000);
  assert.equal(predict({ vmm }), measured(inOrder(unset, secrets, cpuid, caa, noHashes), vmm));
});

test("predictLaunchMeasurement() goes on from the digest of known firmware", () => {
  const launch = new LaunchDigest();
  launch.addNormalPages(2 ** 32 - firmware.length, firmware);
  const firmwareDigest = launch.value;
  assert.equal(predict({ firmwareDigest, firmware: firmware.subarray(4096) }), predict());
});

test("predictLaunchMeasurement() differs with every input", () => {
  const predictions = [
    predict(),
    predict({ vcpus: 2 }),
    predict({ vcpuSignature: vcpuModelSignature("EPYC-Genoa") }),
    predict({ guestFeatures: 0x21n }),
    predict({ kernelHashes: hashes }),
    predict({ vmm: { kind: "ec2" } }),
    predict({ vmm: { kind: "gce", product: "Milan" } }),
    predict({ firmware: writeFirmware({ apResetEip: 1 }) }),
  ];
  assert.equal(new Set(predictions).size, predictions.length);
});

test("predictLaunchMeasurement() refuses what no launch can have", () => {
  const refuses = (change: Partial<LaunchInput>, message: RegExp) =>
    assert.throws(() => predict(change), { code: "launch_input", message });
  for (const vcpus of [0, -1, 1.5, 4097, Number.NaN]) refuses({ vcpus }, /vCPUs, wanted 1 to 4096/);
  for (const vcpuSignature of [-1, 2 ** 32, 0.5]) refuses({ vcpuSignature }, /wanted 32 bits/);
  for (const guestFeatures of [0n, 0x20n, (1n << 64n) | 1n, -1n]) refuses({ guestFeatures }, /with SNPActive/);
  for (const length of [0, 47, 49]) refuses({ firmwareDigest: new Uint8Array(length) }, /a firmware digest of/);
  refuses({ vmm: { kind: "gce", product: "Milan" }, kernelHashes: hashes }, /kernel hashes on Google/);
});

test("predictLaunchMeasurement() refuses kernel hashes that the firmware has no place for", () => {
  const refuses = (image: Uint8Array, message: RegExp) =>
    assert.throws(() => predict({ firmware: image, kernelHashes: hashes }), { code: "firmware", message });
  refuses(writeFirmware({ sections: SECTIONS.slice(0, 4) }), /without a section for kernel hashes/);
  refuses(writeFirmware({ hashTable: { gpa: 0, sizeBytes: 0 } }), /got none as table of kernel hashes/);
  refuses(writeFirmware({ hashTable: { gpa: 0x811000, sizeBytes: 0x400 } }), /wanted one in the page 0x810000/);
  refuses(writeFirmware({ hashTable: { gpa: 0x810fff, sizeBytes: 0x400 } }), /Place kernel hashes failed/);
});

test("predictLaunchMeasurement() wants a reset block for more than one vCPU", () => {
  const image = writeFirmware();
  // Another GUID in place of the reset block's: its entry is the first of the table, 18 + 4 bytes long.
  image[image.length - 32 - 18 - 22 - 26 - 1] = 0;
  assert.equal(predict({ firmware: image }).length, 96);
  assert.throws(() => predict({ firmware: image, vcpus: 2 }), { code: "firmware", message: /reset block/ });
});

test("predictLaunchMeasurement() refuses an image that is no firmware", () => {
  assert.throws(() => predict({ firmware: new Uint8Array(4096) }), { code: "firmware" });
});
