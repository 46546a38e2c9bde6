import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseQuote } from "@constellation/tdx";
import { intel, tdxHost } from "../testing/hardware.ts";
import { refusal } from "../testing/refusal.ts";
import { fakeSource } from "../testing/sources.ts";
import { requireOwnRegisters, TD_REGISTERS } from "./own-registers.ts";

const signal = new AbortController().signal;
const { body } = parseQuote(intel.quote());
const NAMES = Object.keys(TD_REGISTERS) as (keyof typeof TD_REGISTERS)[];

/** A TD whose kernel shows the registers that its quotes have. */
function honestHost() {
  return tdxHost().with(Object.fromEntries(NAMES.map((name) => [TD_REGISTERS[name], body[name]])));
}

describe("requireOwnRegisters()", () => {
  test("accepts a quote with the registers that the kernel shows", async () => {
    await requireOwnRegisters(body, honestHost());
  });

  for (const name of NAMES) {
    test(`refuses a quote with another ${name}`, async () => {
      const other = honestHost().with({ [TD_REGISTERS[name]]: new Uint8Array(48).fill(0xee) });
      const message = new RegExp(`got ${name} "[0-9a-f]{96}", wanted the kernel's "(ee){48}"`);
      await assert.rejects(requireOwnRegisters(body, other), refusal("registers_differ", message));
    });
  }

  test("refuses a register that is cut off or too long", async () => {
    const short = honestHost().with({ [TD_REGISTERS.MRTD]: body.MRTD.subarray(0, 47) });
    await assert.rejects(requireOwnRegisters(body, short), refusal("registers_differ"));
    const long = honestHost().with({ [TD_REGISTERS.MRTD]: new Uint8Array(49) });
    await assert.rejects(requireOwnRegisters(body, long), refusal("blob_too_large"));
  });

  test("tells a kernel that does not show registers from one that fails", async () => {
    await assert.rejects(requireOwnRegisters(body, tdxHost()), refusal("device_missing", /shows a TD's registers/));
    const failing = honestHost().fails("read", TD_REGISTERS.MRTD, "EIO");
    await assert.rejects(requireOwnRegisters(body, failing), refusal("device_failed", /got EIO/));
    const odd = { read: () => Promise.reject(new Error("odd")) };
    await assert.rejects(requireOwnRegisters(body, odd), refusal("device_failed", /got another error/));
  });
});

describe("EvidenceSource.own()", () => {
  test("gives evidence of a TD where the kernel confirms its registers, and refuses it elsewhere", async () => {
    const evidence = await fakeSource("tdx", { host: honestHost() }).own(signal);
    assert.equal(evidence.variant, "tdx");
    const lying = honestHost().with({ [TD_REGISTERS.RTMR3]: new Uint8Array(48).fill(1) });
    await assert.rejects(fakeSource("tdx", { host: lying }).own(signal), refusal("registers_differ"));
    // What it issues is judged by others, who ask its signature.
    await fakeSource("tdx", { host: lying }).issue(new Uint8Array(64), signal);
  });
});
