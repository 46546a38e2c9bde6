import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { imageDir } from "./paths.ts";

/** The arguments that mkosi.conf gives the kernel, one a line below `KernelCommandLine=`. */
async function kernelArguments(): Promise<string[]> {
  const text = await readFile(join(imageDir, "mkosi/mkosi.conf"), "utf8");
  const [, block = ""] = /^KernelCommandLine=\n((?:[ \t]+\S.*\n)+)/m.exec(text) ?? [];
  return block.trim().split(/\s+/);
}

// The host can add partitions to the disk that the image is on, and no enforced PCR says so.
test("the kernel command line has systemd mount, swap to and resume from nothing that is not in the image", async () => {
  const args = await kernelArguments();
  for (const wanted of ["systemd.gpt_auto=no", "systemd.swap=no", "nohibernate"])
    assert.ok(args.includes(wanted), wanted);
});

test("the kernel command line takes no credentials of the host and opens no shell", async () => {
  const args = await kernelArguments();
  for (const wanted of ["systemd.import_credentials=no", "rd.shell=0", "rd.emergency=reboot"]) {
    assert.ok(args.includes(wanted), wanted);
  }
});
