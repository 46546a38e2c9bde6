import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, fromUtf8, hex } from "@constellation/bytes";
import { type VectorCase, vectorCases } from "@constellation/testkit/vector-cases";
import { hashDirectBoot } from "./kernel-hashes.ts";
import { type LaunchInput, predictLaunchMeasurement } from "./predict-launch-measurement.ts";
import { vcpuModelSignature } from "./vcpu-signature.ts";

interface LaunchVector {
  readonly name: string;
  readonly vcpus: number;
  readonly vcpu_type: "EpycV4";
  readonly ovmf_file: string;
  readonly guest_features: string;
  readonly kernel: "empty file" | null;
  readonly initrd: "empty file" | null;
  readonly append: string | null;
  readonly ovmf_hash: string | null;
  readonly vmm_type: "QEMU" | "EC2";
  readonly expected_launch_digest: string | null;
  readonly expect: "pass" | "fail";
}

const VMMS = { QEMU: { kind: "qemu" }, EC2: { kind: "ec2" } } as const;
const VCPU_TYPES = { EpycV4: "EPYC" } as const;
const NOTHING = new Uint8Array(0);

const cases = vectorCases("sev-snp", "sev-snp-launch-digest");

test("the evidence has launch digests", () => {
  assert.deepEqual(
    cases.map(({ expected }) => expected["entries"]),
    [10],
  );
  assert.equal(cases.flatMap(vectorsOf).length, 10);
});

for (const one of cases) {
  for (const vector of vectorsOf(one)) {
    test(`predictLaunchMeasurement() gives the digest of ${one.name}/${vector.name}`, () => {
      const input = launchInput(one, vector);
      if (vector.expect === "fail") {
        assert.throws(() => predictLaunchMeasurement(input), {
          code: "firmware",
          message: /section for kernel hashes/,
        });
      } else {
        assert.equal(hex(predictLaunchMeasurement(input)), vector.expected_launch_digest);
      }
    });
  }
}

function vectorsOf(one: VectorCase): LaunchVector[] {
  return (JSON.parse(fromUtf8(one.file("vectors"))) as { vectors: LaunchVector[] }).vectors;
}

function launchInput(one: VectorCase, vector: LaunchVector): LaunchInput {
  const { ovmf_file, ovmf_hash, kernel, append, vcpus, vcpu_type, vmm_type, guest_features } = vector;
  return {
    vmm: VMMS[vmm_type],
    firmware: one.named(ovmf_file),
    ...(ovmf_hash !== null && { firmwareDigest: fromHex(ovmf_hash) }),
    kernelHashes:
      kernel === null ? "none" : hashDirectBoot({ kernel: NOTHING, initrd: NOTHING, cmdline: append ?? "" }),
    vcpus,
    vcpuSignature: vcpuModelSignature(VCPU_TYPES[vcpu_type]),
    guestFeatures: BigInt(guest_features),
  };
}
