import assert from "node:assert/strict";
import { mkdir, rmdir, symlink, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  NodeServiceCapability_RPC_Type as Rpc,
  VolumeCapability_AccessMode_Mode as Mode,
} from "@constellation/rpc/csi/v1";
import { TOPOLOGY_KEY } from "./names.ts";
import { BLOCK, type TestNode, testNode, volumeId } from "./testing/node.ts";

const MIB = 1024 * 1024;
const id = volumeId(1);
const coded = (code: Code, message: RegExp) => (error: unknown) =>
  error instanceof ConnectError && error.code === code && message.test(error.rawMessage);

describe("localNodeService()", () => {
  let node: TestNode;
  const ran: string[] = [];
  before(async () => {
    const run = (program: string): Promise<string> => Promise.resolve(`${ran.push(program)}`);
    node = await testNode({ run, statfs: () => Promise.resolve({ totalBytes: 64 * MIB, availableBytes: 64 * MIB }) });
  });
  after(() => node.remove());

  const stage = (over: object) =>
    node.node.nodeStageVolume({ volumeId: id, stagingTargetPath: node.staging, volumeCapability: BLOCK, ...over });
  const publish = (over: object) =>
    node.node.nodePublishVolume({ volumeId: id, targetPath: node.target, volumeCapability: BLOCK, ...over });

  const ids = ["", "x", "../../etc/shadow", `${id}/..`, `${id}.img`, id.toUpperCase()];
  for (const wrong of ids) {
    test(`refuses the volume ID ${JSON.stringify(wrong)} in every call`, async () => {
      const refused = coded(Code.InvalidArgument, /volume_id: got /);
      const [stagingTargetPath, path] = [node.staging, node.target];
      await assert.rejects(stage({ volumeId: wrong }), refused);
      await assert.rejects(publish({ volumeId: wrong }), refused);
      await assert.rejects(node.node.nodeUnpublishVolume({ volumeId: wrong, targetPath: path }), refused);
      await assert.rejects(node.node.nodeUnstageVolume({ volumeId: wrong, stagingTargetPath }), refused);
      await assert.rejects(node.node.nodeExpandVolume({ volumeId: wrong, volumePath: path }), refused);
      await assert.rejects(node.node.nodeGetVolumeStats({ volumeId: wrong, volumePath: path }), refused);
      assert.deepEqual(ran, []);
    });
  }

  const accesses: readonly [string, object, RegExp][] = [
    ["no capability", { volumeCapability: undefined }, /volume_capability: got none/],
    [
      "a mount",
      { volumeCapability: { ...BLOCK, accessType: { case: "mount", value: {} } } },
      /access_type: got "mount"/,
    ],
    ["no access mode", { volumeCapability: { accessType: BLOCK.accessType } }, /access_mode: got "0"/],
    [
      "many nodes",
      { volumeCapability: { ...BLOCK, accessMode: { mode: Mode.MULTI_NODE_MULTI_WRITER } } },
      /access_mode: got "5"/,
    ],
  ];
  for (const [what, over, message] of accesses) {
    test(`refuses access by ${what}`, async () => {
      await assert.rejects(stage(over), coded(Code.InvalidArgument, message));
      await assert.rejects(publish(over), coded(Code.InvalidArgument, message));
    });
  }

  test("refuses to make a device node read-only, which would be none", async () => {
    await assert.rejects(publish({ readonly: true }), coded(Code.InvalidArgument, /readonly: got "true"/));
  });

  for (const path of ["", "relative", "/a/../b", "/a/"]) {
    test(`refuses the path ${JSON.stringify(path)}`, async () => {
      await assert.rejects(stage({ stagingTargetPath: path }), coded(Code.InvalidArgument, /staging_target_path/));
      await assert.rejects(publish({ targetPath: path }), coded(Code.InvalidArgument, /target_path/));
    });
  }

  test("says that a volume is not here, or not staged", async () => {
    await assert.rejects(stage({}), coded(Code.NotFound, /no file of/));
    await node.files.ensure(id, MIB);
    await assert.rejects(publish({}), coded(Code.FailedPrecondition, /Find loop device failed/));
    await node.files.remove(id);
    // What is gone is taken away already.
    await node.node.nodeUnpublishVolume({ volumeId: id, targetPath: node.target });
    await node.node.nodeUnstageVolume({ volumeId: id, stagingTargetPath: node.staging });
  });

  test("refuses what has a volume's name and is no file", async () => {
    await writeFile(`${node.folder}/secret`, "x");
    await symlink(`${node.folder}/secret`, node.files.pathOf(volumeId(2)));
    await mkdir(node.files.pathOf(volumeId(3)));
    for (const number of [2, 3]) {
      await assert.rejects(stage({ volumeId: volumeId(number) }), coded(Code.FailedPrecondition, /something else/));
    }
    await assert.rejects(node.files.list(), { code: "volume_foreign" });
    await node.files.remove(volumeId(2));
    await rmdir(node.files.pathOf(volumeId(3)));
  });

  test("refuses sizes that do not fit", async () => {
    await node.files.ensure(id, MIB);
    const expand = (requiredBytes: bigint, limitBytes = 0n) =>
      node.node.nodeExpandVolume({
        volumeId: id,
        volumePath: node.target,
        capacityRange: { requiredBytes, limitBytes },
      });
    await assert.rejects(expand(BigInt(2 * MIB), BigInt(2 * MIB - 1)), coded(Code.OutOfRange, /a limit of/));
    await assert.rejects(expand(BigInt(65 * MIB)), coded(Code.ResourceExhausted, /got "63Mi" left/));
    await assert.rejects(expand(-1n), coded(Code.InvalidArgument, /required_bytes/));
    await assert.rejects(expand(2n ** 62n), coded(Code.InvalidArgument, /required_bytes/));
    assert.equal((await node.files.require(id)).sizeBytes, MIB);
  });

  test("says what it is and can", async () => {
    const { nodeId, accessibleTopology, maxVolumesPerNode } = await node.node.nodeGetInfo({});
    assert.deepEqual([nodeId, maxVolumesPerNode], ["worker-0", 0n]);
    assert.deepEqual(accessibleTopology?.segments, { [TOPOLOGY_KEY]: "worker-0" });
    const { capabilities } = await node.node.nodeGetCapabilities({});
    const types = capabilities.map(({ type }) => (type.case === "rpc" ? type.value.type : undefined));
    assert.equal(types.includes(Rpc.STAGE_UNSTAGE_VOLUME) && types.includes(Rpc.EXPAND_VOLUME), true);
    assert.equal((await node.identity.getPluginInfo({})).name, "local.csi.constellation.internal");
    assert.equal((await node.identity.getPluginCapabilities({})).capabilities.length, 2);
    assert.equal((await node.identity.probe({})).ready, true);
  });
});
