import assert from "node:assert/strict";
import { mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { exec } from "@constellation/exec";
import { Secret } from "@constellation/keys";
import { Cryptsetup } from "./cryptsetup.ts";
import { HEADER_AREA_BYTES } from "./header.ts";
import { validateVolumeHeader, type VolumeHeader, wholeHeader, writeOrder } from "./volume-header.ts";
import { volumeToken } from "./volume-metadata.ts";

const signal = new AbortController().signal;
const UUID = "5c7c0000-0000-4000-8000-00000000000a";
const MIB = 1024 * 1024;
const key = (byte: number): Secret => new Secret(new Uint8Array(32).fill(byte));

describe("a volume's header by the machine's own cryptsetup", () => {
  const cryptsetup = new Cryptsetup(exec);
  let folder: string;
  let device: string;
  let copy: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "constellation-luks-"));
    [device, copy] = [join(folder, "device"), join(folder, "header")];
    await writeFile(device, "");
    await truncate(device, 32 * MIB);
    await cryptsetup.format({ device, uuid: UUID, integrity: false }, key(1), signal);
    await writeFile(copy, await areaOf(device));
    await cryptsetup.importToken(copy, volumeToken(1, false), { replace: false }, signal);
  });
  after(() => rm(folder, { recursive: true }));

  /** Adds a slot, writes the token, removes the slot before: all on the copy. */
  async function changeKey({ slot }: VolumeHeader, current: Secret, next: Secret, generation: number): Promise<void> {
    assert.ok(await cryptsetup.addKey(copy, 1 - slot.number, { current, next }, signal));
    await cryptsetup.importToken(copy, volumeToken(generation, false), { replace: true }, signal);
    await cryptsetup.killSlot(copy, slot.number, signal);
  }

  test("is as accepted after each of many changes of the key", async () => {
    for (let generation = 2; generation < 6; generation += 1) {
      await changeKey(validateVolumeHeader(await areaOf(copy)), key(generation - 1), key(generation), generation);
      const header = validateVolumeHeader(await areaOf(copy));
      assert.deepEqual([header.generation, header.uuid, header.whole], [generation, UUID, true]);
      assert.ok(await opens(copy, key(generation)));
      assert.ok(!(await opens(copy, key(generation - 1))));
    }
  });

  test("takes no key that opens no slot", async () => {
    const keys = { current: key(99), next: key(100) };
    assert.equal(await cryptsetup.addKey(copy, 1, keys, signal), false);
  });

  test("always has a slot that opens, wherever writing a changed key is cut off", async () => {
    const [older, newer] = [await areaOf(copy), new Uint8Array(HEADER_AREA_BYTES)];
    const generation = validateVolumeHeader(older).generation ?? 0;
    await changeKey(validateVolumeHeader(older), key(generation), key(generation + 1), generation + 1);
    newer.set(await areaOf(copy));
    const disk = Uint8Array.from(older);
    for (const { start, end } of writeOrder(validateVolumeHeader(newer), validateVolumeHeader(older))) {
      for (const cut of [4096, Math.floor((end - start) / 2), end - start]) {
        disk.set(newer.subarray(start, start + cut), start);
        const header = validateVolumeHeader(disk);
        const file = join(folder, "cut-off");
        await writeFile(file, wholeHeader(disk, header));
        assert.ok(await opens(file, key(header.generation ?? 0)), `${start} + ${cut}`);
      }
    }
    assert.equal(validateVolumeHeader(disk).generation, generation + 1);
  });

  async function opens(file: string, secret: Secret): Promise<boolean> {
    const args = ["open", "--test-passphrase", "--header", file, "--key-file", "-", device];
    return (await exec({ program: "cryptsetup", args, stdin: secret, acceptedExitCodes: [2] }, signal)).exitCode === 0;
  }
});

async function areaOf(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const area = new Uint8Array(HEADER_AREA_BYTES);
    await file.read(area, 0, area.length, 0);
    return area;
  } finally {
    await file.close();
  }
}
