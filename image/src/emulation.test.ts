import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { imageDir } from "./paths.ts";

const GENERATOR = join(imageDir, "mkosi/mkosi.extra/usr/lib/systemd/system-generators/constellation-emulation");

/** What the generator writes on a machine of which systemd says `answer`: files by name. */
async function generated(answer: string): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "constellation-generator-"));
  try {
    const [bin, units] = [join(folder, "bin"), join(folder, "units")];
    await mkdir(bin);
    await mkdir(units);
    // What is no virtual machine is said with exit code 1.
    await writeFile(join(bin, "systemd-detect-virt"), `#!/bin/sh\necho ${answer}\n[ ${answer} != none ]\n`);
    await chmod(join(bin, "systemd-detect-virt"), 0o755);
    const env = { PATH: `${bin}:${process.env["PATH"] ?? ""}` };
    await promisify(execFile)(GENERATOR, [units, units, units], { env });
    const names = (await readdir(units, { recursive: true })).filter((name) => name.endsWith(".conf")).sort();
    const texts = names.map(async (name) => [name, await readFile(join(units, name), "utf8")] as const);
    return Object.fromEntries(await Promise.all(texts));
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("generator of units on emulated machines", () => {
  for (const answer of ["kvm", "amazon", "microsoft", "google", "none"]) {
    test(`leaves "${answer}" alone`, async () => assert.deepEqual(await generated(answer), {}));
  }

  test("gives the timers of kubelet and containers more slack under emulation", async () => {
    const text = "[Service]\nTimerSlackNSec=4ms\n";
    assert.deepEqual(await generated("qemu"), {
      "containerd.service.d/emulation.conf": text,
      "kubelet.service.d/emulation.conf": text,
    });
  });
});
