import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TpmTransport } from "@constellation/tpm2";
import { FakeHost, systemError } from "../testing/fake-host.ts";
import { SharedTpm } from "../tpm/shared-tpm.ts";
import { extendRegister, RTMR3 } from "./extend-register.ts";

const signal = new AbortController().signal;
const DIGEST = new Uint8Array(48).fill(7);
const NO_TPM = new SharedTpm(() => Promise.reject(systemError("ENOENT")));

describe("extendRegister()", () => {
  test("writes 48 bytes to the kernel's file of RTMR3", async () => {
    const written: [string, Uint8Array][] = [];
    const files = { write: async (path: string, bytes: Uint8Array) => void written.push([path, bytes]) };
    await extendRegister({ kind: "rtmr", hash: "sha384" }, DIGEST, { files, tpm: NO_TPM }, signal);
    assert.deepEqual(written, [[RTMR3, DIGEST]]);
  });

  test("tells a kernel that can't from one that fails", async () => {
    for (const [error, code] of [
      ["ENOENT", "device_missing"],
      ["EIO", "device_failed"],
    ] as const) {
      const files = new FakeHost().fails("write", RTMR3, error);
      const tools = { files, tpm: NO_TPM };
      await assert.rejects(extendRegister({ kind: "rtmr", hash: "sha384" }, DIGEST, tools, signal), { code });
    }
  });

  test("extends PCR 15 of the bank that the digest is of", async () => {
    const commands: string[] = [];
    const transport: TpmTransport = {
      transmit: async (command) => {
        commands.push(Buffer.from(command).toString("hex"));
        return new Uint8Array(Buffer.from("8002000000130000000000000000" + "0000010000", "hex"));
      },
    };
    const tpm = new SharedTpm(async () => transport);
    const tools = { files: new FakeHost(), tpm };
    await extendRegister({ kind: "pcr", hash: "sha384" }, DIGEST, tools, signal);
    await extendRegister({ kind: "pcr", hash: "sha256" }, DIGEST.subarray(16), tools, signal);
    assert.ok(commands[0]?.endsWith(`00000001000c${"07".repeat(48)}`), commands[0]);
    assert.ok(commands[1]?.endsWith(`00000001000b${"07".repeat(32)}`), commands[1]);
    for (const command of commands) assert.equal(command.slice(12, 28), "00000182" + "0000000f");
  });
});
