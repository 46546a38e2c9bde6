import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { concat, fromHex, hex, utf8 } from "@constellation/bytes";
import { hashDirectBoot, kernelHashesPage } from "./kernel-hashes.ts";

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const boot = { kernel: utf8("kernel"), initrd: utf8("initrd"), cmdline: "console=ttyS0" };
const hashes = hashDirectBoot(boot);

test("hashDirectBoot() hashes the files, and the command line with its end", () => {
  assert.deepEqual(hashes, {
    kernel: sha256(boot.kernel),
    initrd: sha256(boot.initrd),
    cmdline: sha256(utf8("console=ttyS0\0")),
  });
});

test("hashDirectBoot() refuses a command line that would end early", () => {
  assert.throws(() => hashDirectBoot({ ...boot, cmdline: "a\0b" }), { code: "launch_input" });
});

test("kernelHashesPage() places the table where the firmware looks for it", () => {
  const page = kernelHashesPage(hashes, { gpa: 0x810c00, sizeBytes: 0x400 });
  const wanted = concat(
    fromHex("06d63894224fc94cb479a793d411fd21a800"),
    fromHex("d82dd09720bd944caa78e7714d36ab2a3200"),
    hashes.cmdline,
    fromHex("31f7ba442f3ad74b9af141e29169781d3200"),
    hashes.initrd,
    fromHex("3794e74dd2ab7f42b835d5b172d2045b3200"),
    hashes.kernel,
  );
  assert.equal(page.length, 4096);
  assert.equal(hex(page.subarray(0xc00, 0xc00 + 168)), hex(wanted));
  assert.equal(
    page.findLastIndex((byte) => byte !== 0),
    0xc00 + 167,
  );
  assert.equal(
    page.findIndex((byte) => byte !== 0),
    0xc00,
  );
});

test("kernelHashesPage() refuses a place without room for the table", () => {
  const at = (gpa: number, sizeBytes: number) => () => kernelHashesPage(hashes, { gpa, sizeBytes });
  assert.doesNotThrow(at(0x810000 + 4096 - 176, 176));
  assert.throws(at(0x810000 + 4096 - 175, 176), { code: "firmware" });
  assert.throws(at(0x810c00, 175), { code: "firmware" });
});

test("kernelHashesPage() refuses digests of another length", () => {
  for (const name of ["kernel", "initrd", "cmdline"] as const) {
    for (const length of [0, 31, 33, 48]) {
      const wrong = { ...hashes, [name]: new Uint8Array(length) };
      assert.throws(() => kernelHashesPage(wrong, { gpa: 0x810c00, sizeBytes: 0x400 }), {
        code: "launch_input",
        message: new RegExp(`got ${length} bytes`),
      });
    }
  }
});
