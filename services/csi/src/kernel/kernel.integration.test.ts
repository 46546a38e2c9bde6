import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { exec } from "@constellation/exec";
import { Kernel } from "./kernel.ts";
import { nodeFiles } from "./node-files.ts";

const signal = new AbortController().signal;
const MIB = 1024 * 1024;

/** A loop device over a new file, where this machine lets us have one. */
async function loopDevice(folder: string): Promise<string | undefined> {
  const file = join(folder, "file");
  await writeFile(file, "");
  await truncate(file, 64 * MIB);
  try {
    return (await exec({ program: "losetup", args: ["--find", "--show", file] }, signal)).stdout.trim();
  } catch {
    return undefined;
  }
}

describe("Kernel, on this machine's own", () => {
  const kernel = new Kernel(exec, nodeFiles);
  let folder: string;
  let device: string | undefined;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "csi-kernel-"));
    device = await loopDevice(folder);
  });
  after(async () => {
    if (device !== undefined) await exec({ program: "losetup", args: ["--detach", device] }, signal);
    await rm(folder, { recursive: true });
  });

  test("mounts, binds, makes read-only, and takes away; publishes a device node", async (context) => {
    if (device === undefined) return context.skip("no loop device here");
    const [staging, target, node] = ["staging", "target dir", "node"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await mkdir(staging);
    await mkdir(target);
    await nodeFiles.makeFile(node);
    const status = await nodeFiles.status(device);
    assert.equal(status?.kind, "block");
    assert.equal(await kernel.sizeBytes(device, signal), 64 * MIB);
    await kernel.makeFileSystem("mkfs.ext4", ["-q", "-F", device], signal);
    try {
      await kernel.mount({ source: device, target: staging, type: "ext4", flags: ["noatime"] }, signal);
    } catch {
      return context.skip("no mounts here");
    }
    await kernel.mount({ source: staging, target }, signal);
    assert.deepEqual(await kernel.mountAt(target), {
      device: status?.device,
      root: "/",
      target,
      readOnly: false,
      type: "ext4",
    });
    await kernel.remountReadOnly(target, signal);
    assert.equal((await kernel.mountAt(target))?.readOnly, true);
    assert.equal((await kernel.mountAt(staging))?.readOnly, false);
    await kernel.mount({ source: device, target: node }, signal);
    assert.deepEqual(await nodeFiles.status(node), status);
    assert.equal((await kernel.mountAt(node))?.root, device.slice("/dev".length));
    for (const path of [node, target, staging]) {
      await kernel.unmount(path, signal);
      await kernel.unmount(path, signal);
      await nodeFiles.remove(path);
      assert.equal(await nodeFiles.status(path), undefined);
    }
  });

  test("writes zeros to a range of a device", async (context) => {
    if (device === undefined) return context.skip("no loop device here");
    await nodeFiles.write(device, 2 * MIB, new Uint8Array(2 * MIB).fill(7));
    await kernel.zero(device, { offset: 3 * MIB, length: MIB }, signal);
    assert.equal(await nodeFiles.isBlank(device, 3 * MIB, MIB), true);
    assert.equal(await nodeFiles.isBlank(device, 2 * MIB, MIB), false);
  });
});
