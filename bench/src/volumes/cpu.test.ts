import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuNote, parseCpuInfo, parseCrypto } from "./cpu.ts";

const cpuInfo = (model: string, flags: string): string =>
  `processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: ${model}\nflags\t\t: ${flags}\n\nprocessor\t: 1\n`;

test("parseCpuInfo() reads model and AES instructions", () => {
  const emulated = cpuInfo("QEMU TCG CPU version 2.5+", "fpu sse2 hypervisor");
  assert.deepEqual(parseCpuInfo(emulated), { model: "QEMU TCG CPU version 2.5+", aes: false });
  assert.deepEqual(parseCpuInfo(cpuInfo("Some CPU", "fpu aes avx")), { model: "Some CPU", aes: true });
  assert.equal(parseCpuInfo(cpuInfo("Some CPU", "vaes aes_x")).aes, false);
});

test("parseCpuInfo() refuses a text without flags", () => {
  assert.throws(() => parseCpuInfo("model name : x\n"), /wanted both/);
});

test("cpuNote() says what is special of a machine, and nothing of one that is not", () => {
  assert.equal(cpuNote({ model: "QEMU TCG CPU version 2.5+", aes: false }), " (emulated machine, no AES instructions)");
  assert.equal(cpuNote({ model: "QEMU TCG CPU version 2.5+", aes: true }), " (emulated machine)");
  assert.equal(cpuNote({ model: "AMD EPYC", aes: true }), "");
});

test("parseCrypto() takes the driver of the highest priority of each cipher of disks", () => {
  const entry = (name: string, driver: string, priority: number): string =>
    `name         : ${name}\ndriver       : ${driver}\nmodule       : kernel\npriority     : ${priority}\ntype         : skcipher\n`;
  const text = [
    entry("authenc(hmac(sha256),xts(aes))", "authenc(hmac(sha256-generic),xts-aes-aesni)", 401),
    entry("xts(aes)", "xts(ecb(aes-generic))", 100),
    entry("xts(aes)", "xts-aes-aesni", 401),
    entry("__xts(aes)", "__xts-aes-aesni", 500),
    entry("sha256", "sha256-generic", 100),
  ].join("\n");
  assert.deepEqual(parseCrypto(text), {
    "authenc(hmac(sha256),xts(aes))": "authenc(hmac(sha256-generic),xts-aes-aesni)",
    "xts(aes)": "xts-aes-aesni",
  });
});
