import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { deviceNumber } from "./bind-mounts.ts";
import { BLOCK, type TestNode, testNode, volumeId } from "./testing/node.ts";

const MIB = 1024 * 1024;
const never = new AbortController().signal;
const id = volumeId(1);

// A sysfs of files, and a losetup that changes them or does not.
describe("LoopDevices", () => {
  let node: TestNode;
  let sysfs: string;
  let called: string[];
  let associated: string;
  let attaches: boolean;
  before(async () => {
    const run = async (program: string, args: readonly string[]): Promise<string> => {
      called.push([program, ...args].join(" "));
      if (args[0] === "--associated") return associated;
      if (args[0] === "--find" && attaches) await attach("loop3");
      return "";
    };
    const parts = { sysfs: "", run };
    node = await testNode(parts);
    sysfs = join(node.folder, "sys");
    const own = { ...parts, sysfs };
    node = await testNode(own);
  });
  beforeEach(async () => {
    called = [];
    associated = "";
    attaches = true;
    await rm(sysfs, { recursive: true, force: true });
    for (const name of ["loop0", "loop3", "sda"]) await mkdir(join(sysfs, "block", name), { recursive: true });
    await node.files.ensure(id, MIB);
  });
  after(async () => {
    await node.remove();
    await rm(join(sysfs, ".."), { recursive: true, force: true });
  });

  async function attach(name: string, backing = node.files.pathOf(id), autoclear = "0"): Promise<void> {
    for (const folder of ["loop", "holders"]) await mkdir(join(sysfs, "block", name, folder), { recursive: true });
    await writeFile(join(sysfs, "block", name, "loop/backing_file"), `${backing}\n`);
    await writeFile(join(sysfs, "block", name, "loop/autoclear"), `${autoclear}\n`);
    await writeFile(join(sysfs, "block", name, "dev"), "7:3\n");
    associated += `/dev/${name}: [65024]:123 (${backing})\n`;
  }
  const file = () => node.files.require(id);

  test("find() asks losetup only when a device may be the volume's", async () => {
    assert.equal(await node.loops.find(await file(), never), undefined);
    assert.deepEqual(called, []);
    await attach("loop3", `/${id}.img`);
    assert.deepEqual(await node.loops.find(await file(), never), { name: "loop3", path: "/dev/loop3", number: "7:3" });
  });

  test("find() does not believe a name whose inode is another", async () => {
    await attach("loop3");
    associated = "/dev/loop30: [65024]:123 (x)\n";
    assert.equal(await node.loops.find(await file(), never), undefined);
  });

  test("find() refuses a volume that is attached twice", async () => {
    await attach("loop0");
    await attach("loop3");
    await assert.rejects(node.loops.find(await file(), never), { code: "volume_foreign" });
  });

  test("attach() fails when losetup says yes and nothing is attached", async () => {
    attaches = false;
    await assert.rejects(node.loops.attach(await file(), never), { code: "not_staged" });
  });

  test("attach() attaches once, with direct I/O, and gives a device that is there", async () => {
    await node.loops.attach(await file(), never);
    await node.loops.attach(await file(), never);
    const attached = called.filter((call) => call.startsWith("losetup --find"));
    assert.deepEqual(attached, [
      `losetup --find --nooverlap --direct-io=on --sector-size 4096 ${node.files.pathOf(id)}`,
    ]);
  });

  test("attach() does not give out a device that goes when it is closed", async () => {
    await attach("loop3", undefined, "1");
    await assert.rejects(node.loops.attach(await file(), never), { code: "volume_conflict" });
  });

  test("detach() leaves a device that something stands on", async () => {
    await attach("loop3");
    await writeFile(join(sysfs, "block/loop3/holders/dm-0"), "");
    await assert.rejects(node.loops.detach(await file(), never), { code: "volume_in_use", message: /"dm-0" on it/ });
    assert.equal(
      called.some((call) => call.includes("--detach")),
      false,
    );
    await assert.rejects(node.volumes.remove(id, never), { code: "volume_in_use" });
    assert.notEqual(await node.files.find(id), undefined);
  });

  test("the Node service answers for a program that fails, and does not tell more than it says", async () => {
    attaches = false;
    const call = { volumeId: id, stagingTargetPath: node.staging, volumeCapability: BLOCK };
    await assert.rejects(node.node.nodeStageVolume(call), /\[failed_precondition\] Find loop device failed/);
  });
});

test("deviceNumber() unpacks large numbers", () => {
  assert.deepEqual([1793, 66304, 0x100000 * 4 + 0x700 + 5].map(deviceNumber), ["7:1", "259:0", "7:1029"]);
});
