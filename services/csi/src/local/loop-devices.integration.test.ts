import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { constants, existsSync } from "node:fs";
import { mkdir, open, readFile, stat, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { BLOCK, type TestNode, testNode, volumeId } from "./testing/node.ts";

const run = promisify(execFile);
const MIB = 1024 * 1024;
const never = new AbortController().signal;
const id = volumeId(1);

const skip =
  process.getuid?.() === 0 && existsSync("/dev/loop-control") ? false : "loop devices need root and a kernel";

describe("the Node service with real loop devices", { skip, timeout: 240_000 }, () => {
  let node: TestNode;
  before(async () => {
    node = await testNode();
  });
  afterEach(async () => {
    await run("umount", [node.target]).catch(() => undefined);
    const { stdout } = await run("losetup", ["--list", "--noheadings", "--output", "NAME,BACK-FILE"]);
    const ours = stdout.split("\n").filter((line) => line.includes("/pvc-00000000-0000-4000-8000-"));
    for (const line of ours) await run("losetup", ["--detach", line.split(" ")[0] ?? ""]);
    await node.files.remove(id);
  });
  after(() => node.remove());

  const stage = (to = node) =>
    to.node.nodeStageVolume({ volumeId: id, stagingTargetPath: node.staging, volumeCapability: BLOCK });
  const publish = (to = node) =>
    to.node.nodePublishVolume({
      volumeId: id,
      stagingTargetPath: node.staging,
      targetPath: node.target,
      volumeCapability: BLOCK,
    });
  const device = async () => node.loops.find(await node.files.require(id), never);
  const attribute = async (name: string) =>
    (await readFile(join("/sys/block", (await device())?.name ?? "", name), "utf8")).trim();

  test("gives a volume as a block device, takes it away, and does the same when called again", async () => {
    await node.files.ensure(id, 64 * MIB);
    for (let time = 0; time < 2; time++) {
      await stage();
      await publish();
    }
    const { stdout } = await run("losetup", ["--associated", node.files.pathOf(id)]);
    assert.equal(stdout.trim().split("\n").length, 1);
    assert.equal((await stat(node.target)).isBlockDevice(), true);
    const mounts = (await readFile("/proc/self/mountinfo", "utf8")).split("\n");
    assert.equal(mounts.filter((line) => line.includes(` ${node.target} `)).length, 1);

    await run("dd", ["if=/dev/urandom", `of=${node.target}`, "bs=4096", "count=16", "oflag=direct", "status=none"]);
    const { usage } = await node.node.nodeGetVolumeStats({ volumeId: id, volumePath: node.target });
    assert.deepEqual([usage[0]?.total, (usage[0]?.used ?? 0n) >= 65_536n], [BigInt(64 * MIB), true]);

    for (let time = 0; time < 2; time++) {
      await node.node.nodeUnpublishVolume({ volumeId: id, targetPath: node.target });
      await node.node.nodeUnstageVolume({ volumeId: id, stagingTargetPath: node.staging });
    }
    assert.equal(await device(), undefined);
    await assert.rejects(stat(node.target), { code: "ENOENT" });
  });

  test("uses direct I/O with sectors of 4096 bytes, and passes discards on to the file", async () => {
    await node.files.ensure(id, 64 * MIB);
    await stage();
    await publish();
    assert.deepEqual([await attribute("loop/dio"), await attribute("queue/logical_block_size")], ["1", "4096"]);
    await run("dd", ["if=/dev/urandom", `of=${node.target}`, "bs=1M", "count=8", "oflag=direct", "status=none"]);
    assert.equal((await node.files.require(id)).allocatedBytes >= 8 * MIB, true);
    await run("blkdiscard", [node.target]);
    assert.equal((await node.files.require(id)).allocatedBytes < MIB, true);
  });

  test("grows a volume while it is attached, and never makes it smaller", async () => {
    await node.files.ensure(id, 64 * MIB);
    await stage();
    await publish();
    const expand = (requiredBytes: number) =>
      node.node.nodeExpandVolume({
        volumeId: id,
        volumePath: node.target,
        capacityRange: { requiredBytes: BigInt(requiredBytes) },
        volumeCapability: BLOCK,
      });
    assert.equal((await expand(100 * MIB - 1)).capacityBytes, BigInt(100 * MIB));
    assert.equal(await attribute("size"), `${(100 * MIB) / 512}`);
    assert.equal((await expand(10 * MIB)).capacityBytes, BigInt(100 * MIB));
    // The provisioner has grown the file already when the kubelet calls.
    await node.files.ensure(id, 128 * MIB);
    await expand(128 * MIB);
    assert.equal(await attribute("size"), `${(128 * MIB) / 512}`);
  });

  test("has a file system keep its data and grow with the volume", async () => {
    await node.files.ensure(id, 64 * MIB);
    await stage();
    await publish();
    const mounted = join(node.folder, "mounted");
    await mkdir(mounted, { recursive: true });
    await run("mkfs.ext4", ["-q", node.target]);
    const whileMounted = async (work: () => Promise<void>): Promise<void> => {
      await run("mount", [node.target, mounted]);
      try {
        await work();
      } finally {
        await run("umount", [mounted]);
      }
    };
    await whileMounted(async () => {
      await writeFile(join(mounted, "kept"), "kept");
      const capacityRange = { requiredBytes: BigInt(128 * MIB) };
      await node.node.nodeExpandVolume({ volumeId: id, volumePath: node.target, capacityRange });
    });
    // Growing a mounted ext4 wants CAP_SYS_RESOURCE, which root need not have where tests run.
    await run("e2fsck", ["-fp", node.target]);
    await run("resize2fs", [node.target]);
    await node.node.nodeUnpublishVolume({ volumeId: id, targetPath: node.target });
    await node.node.nodeUnstageVolume({ volumeId: id, stagingTargetPath: node.staging });
    await stage();
    await publish();
    await run("e2fsck", ["-fn", node.target]);
    await whileMounted(async () => {
      const { blocks, bsize } = await statfs(mounted);
      assert.equal(blocks * bsize > 100 * MIB, true);
      assert.equal(await readFile(join(mounted, "kept"), "utf8"), "kept");
    });
  });

  test("finds after a restart what an earlier process has attached", async () => {
    await node.files.ensure(id, 64 * MIB);
    await stage();
    const before = await device();
    const again = node.restarted();
    await stage(again);
    await publish(again);
    assert.deepEqual(await device(), before);
    await again.node.nodeUnpublishVolume({ volumeId: id, targetPath: node.target });
    await again.node.nodeUnstageVolume({ volumeId: id, stagingTargetPath: node.staging });
    assert.equal(await device(), undefined);
  });

  // An ended container's mounts are gone: the kernel then names the file by what is left of its path.
  test("finds what was attached through a mount that is gone", async () => {
    await node.files.ensure(id, 64 * MIB);
    const inside = join(node.folder, "staging");
    const script = 'mount --bind "$1" "$2" && losetup --find --sector-size 4096 "$2/$3"';
    const args = ["-c", script, "sh", node.files.folder, inside, `${id}.img`];
    await run("unshare", ["--mount", "--propagation", "private", "sh", ...args]);
    const found = await device();
    assert.equal(await attribute("loop/backing_file"), `/${id}.img`);
    await stage();
    assert.deepEqual(await device(), found);
    await node.node.nodeUnstageVolume({ volumeId: id, stagingTargetPath: node.staging });
    assert.equal(await device(), undefined);
  });

  test("does not take the device of another file of the same name", async () => {
    await node.files.ensure(id, 64 * MIB);
    const other = await testNode();
    try {
      await other.files.ensure(id, 64 * MIB);
      await stage(other);
      assert.equal(await device(), undefined);
      await stage();
      const [mine, theirs] = [await device(), await other.loops.find(await other.files.require(id), never)];
      assert.notEqual(mine?.name, theirs?.name);
      await other.node.nodeUnstageVolume({ volumeId: id, stagingTargetPath: node.staging });
      assert.deepEqual(await device(), mine);
    } finally {
      await other.remove();
    }
  });

  test("refuses to take away a device that is open, and to give out one that is going", async () => {
    await node.files.ensure(id, 64 * MIB);
    await stage();
    const path = (await device())?.path ?? "";
    const open_ = await open(path, constants.O_RDONLY);
    try {
      const unstage = () => node.node.nodeUnstageVolume({ volumeId: id, stagingTargetPath: node.staging });
      await assert.rejects(unstage(), /\[failed_precondition\].*still open/);
      await assert.rejects(stage(), /\[aborted\].*on its way out/);
      await assert.rejects(node.volumes.remove(id, never), { code: "volume_in_use" });
      assert.equal((await node.files.require(id)).sizeBytes, 64 * MIB);
    } finally {
      await open_.close();
    }
    await stage();
    assert.notEqual(await device(), undefined);
  });

  test("shows the present device where an earlier one was shown", async () => {
    await node.files.ensure(id, 64 * MIB);
    await stage();
    await publish();
    const first = await device();
    await run("losetup", ["--detach", first?.path ?? ""]);
    // Another takes the number that has become free.
    await node.files.ensure(volumeId(2), 64 * MIB);
    await node.node.nodeStageVolume({
      volumeId: volumeId(2),
      stagingTargetPath: node.staging,
      volumeCapability: BLOCK,
    });
    await stage();
    await publish();
    const second = await device();
    assert.notEqual(second?.name, first?.name);
    await node.node.nodeGetVolumeStats({ volumeId: id, volumePath: node.target });
    await node.node.nodeUnstageVolume({ volumeId: volumeId(2), stagingTargetPath: node.staging });
  });

  test("removes the file only after the device", async () => {
    await node.files.ensure(id, 64 * MIB);
    await stage();
    await node.volumes.remove(id, never);
    assert.equal(await node.files.find(id), undefined);
    const { stdout } = await run("losetup", ["--list", "--noheadings", "--output", "BACK-FILE"]);
    assert.equal(stdout.includes(id), false);
  });

  test("refuses a target that is no file of its own", async () => {
    await node.files.ensure(id, 64 * MIB);
    await stage();
    const volumeCapability = BLOCK;
    const call = { volumeId: id, stagingTargetPath: node.staging, volumeCapability, targetPath: node.staging };
    await assert.rejects(node.node.nodePublishVolume(call));
    await writeFile(join(node.folder, "kept"), "kept");
    await run("ln", ["-s", "kept", join(node.folder, "link")]);
    await assert.rejects(node.node.nodePublishVolume({ ...call, targetPath: join(node.folder, "link") }));
    await assert.rejects(node.node.nodeUnpublishVolume({ volumeId: id, targetPath: join(node.folder, "link") }));
    assert.equal(await readFile(join(node.folder, "kept"), "utf8"), "kept");
  });
});
