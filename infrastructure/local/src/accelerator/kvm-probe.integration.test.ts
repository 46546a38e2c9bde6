import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { missingTools, temporaryFolder } from "../testing.ts";
import { bootKernel } from "./kvm-probe.ts";

const skip = missingTools("qemu-system-x86_64");

test("bootKernel() says no for a guest that never comes up, and for one that QEMU gives up", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const [kernel, log] = [join(folder, "kernel"), join(folder, "console.log")];
  await writeFile(kernel, emptyKernel());
  const late = await bootKernel(kernel, log, ["-accel", "tcg"], 500);
  assert.deepEqual(late, { works: false, reason: "a stock kernel did not boot within 0.5 s" });
  const broken = await bootKernel(kernel, log, ["-accel", "no-such-accelerator"], 60_000);
  assert.equal(broken.works, false);
  assert.match(broken.reason, /QEMU ended before.*no-such-accelerator/);
});

/** What QEMU takes for a kernel by its header (Linux x86 boot protocol 2.12), with no program in it. */
function emptyKernel(): Uint8Array {
  const bytes = new Uint8Array(4096);
  bytes[0x1f1] = 1;
  bytes.set(Buffer.from("HdrS"), 0x202);
  bytes.set([0x0c, 0x02], 0x206);
  bytes[0x211] = 1;
  return bytes;
}

test("bootKernel() ends its guest when it is aborted", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const kernel = join(folder, "kernel");
  await writeFile(kernel, new Uint8Array(4096));
  const signal = AbortSignal.abort(new Error("enough"));
  await assert.rejects(bootKernel(kernel, join(folder, "log"), ["-accel", "tcg"], 60_000, signal), /enough/);
});
