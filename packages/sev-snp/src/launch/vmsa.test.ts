import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@constellation/bytes";
import { vmsaGpa, type Vmm } from "./vmm.ts";
import { RESET_EIP, vmsaPage } from "./vmsa.ts";

const QEMU: Vmm = { kind: "qemu" };
const EC2: Vmm = { kind: "ec2" };
const GCE: Vmm = { kind: "gce", product: "Milan" };

function page(vmm: Vmm, eip = RESET_EIP): Uint8Array {
  return vmsaPage({ vmm, eip, signature: 0x00a00f11, guestFeatures: 0x21n });
}

/** Bytes that are not zero, by offset. */
function registers(bytes: Uint8Array): Record<string, string> {
  const found: Record<string, string> = {};
  for (let offset = 0; offset < bytes.length; offset += 8) {
    const value = hex(bytes.subarray(offset, offset + 8));
    if (/[^0]/.test(value)) found[offset.toString(16)] = value;
  }
  return found;
}

const SEGMENT = "00009300ffff0000";
const COMMON = {
  "0": SEGMENT,
  "18": "0000ffff00000000",
  "30": SEGMENT,
  "40": SEGMENT,
  "50": SEGMENT,
  "60": "00000000ffff0000",
  "70": "00008200ffff0000",
  "80": "00000000ffff0000",
  d0: "0010000000000000",
  "148": "4000000000000000",
  "158": "1000000000000000",
  "160": "0004000000000000",
  "168": "f00fffff00000000",
  "170": "0200000000000000",
  "178": "f0ff000000000000",
  "268": "0604070006040700",
  "3b0": "2100000000000000",
  "3e8": "0100000000000000",
};

test("vmsaPage() is the reset state that QEMU sets", () => {
  assert.deepEqual(registers(page(QEMU)), {
    ...COMMON,
    "10": "00f09b00ffff0000",
    "20": SEGMENT,
    "90": "00008b00ffff0000",
    "310": "110fa00000000000",
    "408": "801f000000000000",
    "410": "7f03000000000000",
  });
});

test("vmsaPage() is the reset state that Amazon sets", () => {
  const wanted = { ...COMMON, "20": "00009200ffff0000", "90": "00008300ffff0000" };
  assert.deepEqual(registers(page(EC2)), { ...wanted, "10": "00f09a00ffff0000" });
  const other = { "10": "00f09b00ffff0000", "18": "0000800000000000", "178": "04b0000000000000" };
  assert.deepEqual(registers(page(EC2, 0x80b004)), { ...wanted, ...other });
});

test("vmsaPage() is the reset state that Google sets", () => {
  assert.deepEqual(registers(page(GCE)), {
    ...COMMON,
    "10": "00f09b00ffff0000",
    "20": SEGMENT,
    "90": "00008b00ffff0000",
    "268": "0601070000000000",
    "310": "0006000000000000",
  });
});

test("vmsaPage() starts at the address given", () => {
  const other = registers(page(QEMU, 0x80b004));
  assert.equal(other["18"], "0000800000000000");
  assert.equal(other["178"], "04b0000000000000");
  assert.equal(page(QEMU).length, 4096);
});

test("vmsaGpa() is the last page that the VMM can address", () => {
  assert.equal(vmsaGpa(QEMU), 0xfffffffff000n);
  assert.equal(vmsaGpa(EC2), 0xfffffffff000n);
  assert.equal(vmsaGpa(GCE), 0xfffffffff000n);
  assert.equal(vmsaGpa({ kind: "gce", product: "Genoa" }), 0xffffffffff000n);
});
