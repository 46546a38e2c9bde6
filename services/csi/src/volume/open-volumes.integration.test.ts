import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFile, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { exec } from "@constellation/exec";
import { DataKey } from "@constellation/keys";
import { validateVolumeHeader, VOLUME_HEADER_BYTES, volumeToken } from "@constellation/luks";
import { Kernel } from "../kernel/kernel.ts";
import type { Mapping } from "../kernel/mappings.ts";
import { nodeFiles } from "../kernel/node-files.ts";
import { FakeRecords } from "../testing/fake-cluster.ts";
import { Effects } from "../testing/effects.ts";
import { OpenVolumes } from "./open-volumes.ts";

const signal = new AbortController().signal;
const UUID = "5c7c0000-0000-4000-8000-00000000000b";
const MIB = 1024 * 1024;

const keyOf = (generation: number): DataKey =>
  new DataKey(new Uint8Array(createHash("sha256").update(`key ${generation}`).digest()));

describe("OpenVolumes with the machine's own cryptsetup, on a file", () => {
  let folder: string;
  let device: string;
  let current = 1;
  // A file stands for the device: only a kernel with the device-mapper could open it, but headers are changed all the same.
  const files = { ...nodeFiles, status: async () => ({ kind: "block" as const, device: "7:0" }) };
  const kernel = new Kernel(exec, files);
  const volumes = new OpenVolumes({
    kernel,
    records: new FakeRecords(new Effects()),
    keys: {
      get: async (_uuid, generation) => {
        const used = generation === 0 ? current : generation;
        return { key: keyOf(used), generation: used };
      },
    },
  });
  const mapping = { luksUuid: UUID } as Mapping;
  const names = () => ({
    mapping: "constellation-volume-test",
    vendorStaging: join(folder, "staging"),
    vendorDevice: device,
    headerFile: join(folder, "run/header"),
  });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "csi-volume-"));
    device = join(folder, "device");
    await writeFile(device, "");
    await truncate(device, 32 * MIB);
    await kernel.cryptsetup.format({ device, uuid: UUID, integrity: false }, keyOf(1), signal);
    await kernel.cryptsetup.importToken(device, volumeToken(1, false), { replace: false }, signal);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const header = async () => validateVolumeHeader(await nodeFiles.read(device, 0, VOLUME_HEADER_BYTES));
  const opens = async (generation: number): Promise<boolean> => {
    const args = ["open", "--test-passphrase", "--key-file", "-", device];
    const stdin = keyOf(generation);
    return (await exec({ program: "cryptsetup", args, stdin, acceptedExitCodes: [2] }, signal)).exitCode === 0;
  };

  test("rekey() gives the device the key of each new generation, and takes the old one away", async () => {
    for (current = 2; current < 5; current += 1) {
      assert.deepEqual(await volumes.rekey(names(), mapping, signal), { from: current - 1, to: current });
      assert.deepEqual([(await header()).generation, (await header()).whole], [current, true]);
      assert.deepEqual([await opens(current), await opens(current - 1)], [true, false]);
      assert.equal(await nodeFiles.status(names().headerFile), undefined);
    }
    current = 4;
    assert.equal(await volumes.rekey(names(), mapping, signal), undefined);
  });

  test("rekey() repairs a header of which one copy is damaged", async () => {
    const copy = join(folder, "damaged");
    await copyFile(device, copy);
    for (const offset of [5000, 16_384 + 5000]) {
      await copyFile(copy, device);
      await nodeFiles.write(device, offset, Uint8Array.of(7, 7, 7));
      assert.equal((await header()).whole, false);
      assert.equal(await volumes.rekey(names(), mapping, signal), undefined);
      assert.equal((await header()).whole, true);
      assert.ok(await opens(4));
    }
  });

  test("rekey() changes nothing of another volume", async () => {
    const other = { luksUuid: UUID.replace("b", "c") } as Mapping;
    await assert.rejects(volumes.rekey(names(), other, signal), { code: "volume_swapped" });
  });
});
