import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, open, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { DiskKey } from "@constellation/keys";
import { type Command, type Exec, ExecError } from "@constellation/exec";
import { HEADER_AREA_BYTES } from "@constellation/luks";
import { changeMetadata, RECORDED_UUID, recordedHeader } from "@constellation/luks/testdata";
import { formatSlot, RECOVERY_AREA, type RecoverySlot } from "../recovery/slot.ts";
import { StateDisk } from "./state-disk.ts";

const signal = new AbortController().signal;
const MIB = 1024 * 1024;
const KEY = new DiskKey(new Uint8Array(32).fill(7));
const KEY_SLOT_MARK = new TextEncoder().encode("key slot of the real key");
const KEY_SLOT_OFFSET = 417_792;

function freshHeader(): Uint8Array {
  return changeMetadata(recordedHeader(), (metadata) => {
    metadata.tokens = {};
    metadata.keyslots["0"].area.offset = "32768";
  });
}

describe("StateDisk", () => {
  let directory: string;
  let device: string;
  let commands: Command[];
  let disk: StateDisk;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "constellation-disk-"));
    device = join(directory, "disk");
    await writeFile(device, "");
    await truncate(device, 64 * MIB);
    commands = [];
    disk = new StateDisk({ device, uuid: RECORDED_UUID, mapperName: "state", runDirectory: directory }, programs);
  });
  afterEach(() => rm(directory, { recursive: true }));

  const copyPath = (): string => join(directory, "state-header");

  async function writeAt(path: string, bytes: Uint8Array, offset = 0): Promise<void> {
    const file = await open(path, "r+");
    await file.write(bytes, 0, bytes.length, offset);
    await file.close();
  }

  /** Does to files what the programs would do to the disk. */
  const programs: Exec = async (command) => {
    commands.push(command);
    const [verb = ""] = command.args;
    if (command.program === "blockdev") return { exitCode: 0, stdout: `${100 * MIB + 4096}\n`, stderr: "" };
    if (command.program === "cryptsetup") {
      if (verb === "luksFormat") await writeAt(device, freshHeader());
      if (verb === "luksChangeKey") await writeAt(copyPath(), KEY_SLOT_MARK, KEY_SLOT_OFFSET);
      if (verb === "token") await writeAt(copyPath(), recordedHeader());
      if (verb === "status") return { exitCode: 4, stdout: "", stderr: "" };
    }
    return { exitCode: 0, stdout: "", stderr: "" };
  };

  const sequences = async (): Promise<number[]> => (await disk.readRecovery()).map(({ sequence }) => sequence);

  const record = (sequence: number): RecoverySlot => ({
    sequence,
    sealedKey: { publicArea: Uint8Array.of(1), privateArea: Uint8Array.of(2) },
    nonce: new Uint8Array(12),
    ciphertext: new Uint8Array(17),
  });

  const words = (): string[] => commands.map(({ program, args }) => `${program} ${args[0]}`);

  test("makes a fresh disk: format, open by the copy of the header, zero both ends and the tail, file system", async () => {
    assert.deepEqual(await disk.inspect(), { kind: "fresh", reason: "no header" });
    const passphrase = await disk.createFresh(signal);
    assert.equal(passphrase.lengthBytes, 32);
    assert.deepEqual(words(), [
      "cryptsetup luksFormat",
      "cryptsetup open",
      "blockdev --getsize64",
      "dd if=/dev/zero",
      "dd if=/dev/zero",
      "dd if=/dev/zero",
      "mkfs.ext4 -q",
    ]);
    assert.ok(commands[1]?.args.includes(copyPath()));
    assert.ok(commands[4]?.args.includes("seek=68"));
    assert.ok(commands[5]?.args.includes(`seek=${(100 * MIB) / 4096}`));
    assert.equal((await stat(copyPath())).mode & 0o777, 0o600);
  });

  test("leaves the disk fresh until the commit, which writes key slot and token at once", async () => {
    await disk.inspect();
    const passphrase = await disk.createFresh(signal);
    await disk.replaceKey(passphrase, KEY, signal);
    const again = (): StateDisk => {
      const options = { device, uuid: RECORDED_UUID, mapperName: "state", runDirectory: join(directory, "other") };
      return new StateDisk(options, programs);
    };
    assert.equal((await again().inspect()).kind, "fresh");
    await disk.commit(1, signal);
    assert.equal((await again().inspect()).kind, "initialised");
    const bytes = await readFile(device);
    assert.ok(bytes.subarray(KEY_SLOT_OFFSET).subarray(0, KEY_SLOT_MARK.length).equals(KEY_SLOT_MARK));
    assert.equal(existsSync(copyPath()), false);
  });

  test("never puts a key into arguments or environment", async () => {
    await disk.inspect();
    const passphrase = await disk.createFresh(signal);
    await disk.replaceKey(passphrase, KEY, signal);
    await disk.commit(1, signal);
    for (const { args, env } of commands) {
      const text = JSON.stringify([args, env]);
      for (const key of [passphrase, KEY]) {
        for (const form of ["hex", "base64", "latin1"] as const) {
          assert.ok(!text.includes(Buffer.from(key.reveal()).toString(form)));
        }
      }
    }
    const change = commands.find(({ args }) => args[0] === "luksChangeKey");
    assert.equal(change?.stdin, passphrase);
    assert.equal(change?.extraInput, KEY);
  });

  test("opens an initialised disk with the copy that was checked, not with what the disk says by then", async () => {
    await writeAt(device, recordedHeader());
    assert.deepEqual(await disk.inspect(), { kind: "initialised", generation: 1 });
    await writeAt(
      device,
      changeMetadata(recordedHeader(), (m) => (m.segments["0"].encryption = "cipher_null-ecb")),
    );
    await disk.open(KEY, signal);
    const opened = commands.find(({ args }) => args[0] === "open");
    assert.deepEqual(opened?.args.slice(-6), ["--header", copyPath(), "--key-file", "-", device, "state"]);
    assert.equal(opened?.stdin, KEY);
  });

  test("gives no key to a copy that was changed", async () => {
    await writeAt(device, recordedHeader());
    await disk.inspect();
    await writeAt(
      copyPath(),
      changeMetadata(recordedHeader(), (m) => (m.segments["0"].encryption = "cipher_null-ecb")),
    );
    await assert.rejects(disk.open(KEY, signal), { code: "cipher" });
    assert.equal(commands.length, 0);
  });

  test("refuses the disk of an initialised node with a changed header", async () => {
    await writeAt(
      device,
      changeMetadata(recordedHeader(), (m) => (m.keyslots["1"] = m.keyslots["0"])),
    );
    await assert.rejects(disk.inspect(), { code: "keyslots" });
  });

  test("refuses a disk that is too small for a header", async () => {
    await truncate(device, HEADER_AREA_BYTES - 1);
    await assert.rejects(disk.inspect(), { code: "disk" });
  });

  test("brings a staged record to the disk with the commit, and no record that was there before", async () => {
    await writeAt(device, formatSlot(record(7)), RECOVERY_AREA.offset);
    await disk.inspect();
    const passphrase = await disk.createFresh(signal);
    await disk.replaceKey(passphrase, KEY, signal);
    await disk.stageRecovery(formatSlot(record(1)));
    assert.deepEqual(await sequences(), [7], "not before the commit");
    await disk.commit(1, signal);
    assert.deepEqual(await sequences(), [1]);
    assert.equal((await disk.inspect()).kind, "initialised");
    await disk.stageRecovery(undefined);
    await disk.commit(1, signal);
    assert.deepEqual(await sequences(), []);
  });

  test("writes a new record where the older one was, and leaves header and key slot as they are", async () => {
    await writeAt(device, recordedHeader());
    const write = (): Promise<unknown> =>
      disk.writeRecovery((sequence) => Promise.resolve({ bytes: formatSlot(record(sequence)) }));
    for (const wanted of [[1], [2, 1], [3, 2]]) {
      await write();
      assert.deepEqual(await sequences(), wanted);
    }
    assert.equal((await disk.inspect()).kind, "initialised");
    await writeAt(device, new Uint8Array(100), RECOVERY_AREA.offset);
    assert.deepEqual(await sequences(), [2], "the other one is still there");
    await disk.writeRecovery(() => Promise.resolve(undefined));
    assert.deepEqual(await sequences(), [2]);
  });

  test("replaces a record with the last of all numbers, and not the node's own", async () => {
    await writeAt(device, recordedHeader());
    await writeAt(device, formatSlot(record(0xffff_ffff)), RECOVERY_AREA.offset);
    await writeAt(device, formatSlot(record(5)), RECOVERY_AREA.offset + RECOVERY_AREA.slotBytes);
    await disk.writeRecovery((sequence) => Promise.resolve({ bytes: formatSlot(record(sequence)) }));
    assert.deepEqual(await sequences(), [6, 5]);
  });

  test("wipes a record with all else", async () => {
    await writeAt(device, recordedHeader());
    await disk.writeRecovery((sequence) => Promise.resolve({ bytes: formatSlot(record(sequence)) }));
    await disk.wipe();
    assert.deepEqual(await sequences(), []);
  });

  test("wipes what makes a disk an initialised one", async () => {
    await writeAt(device, recordedHeader());
    await disk.wipe();
    assert.deepEqual(await disk.inspect(), { kind: "fresh", reason: "no header" });
  });

  test("tells an open mapping from none", async () => assert.equal(await disk.isOpen(signal), false));

  test("names the program that failed", async () => {
    const failing: Exec = () => Promise.reject(new ExecError("exit", "Run cryptsetup open failed"));
    const options = { device, uuid: RECORDED_UUID, mapperName: "state", runDirectory: directory };
    await writeAt(device, recordedHeader());
    const broken = new StateDisk(options, failing);
    await broken.inspect();
    await assert.rejects(broken.open(KEY, signal), { code: "disk", message: /cryptsetup/ });
  });

  test("takes away what an earlier life was in the midst of opening, before it looks whether that is open", async () => {
    const left = ["state/0/", "state_dif/1/254:16"];
    const exec: Exec = async (command) => {
      const output = await programs(command, signal);
      return command.args[0] === "info" ? { ...output, stdout: `${left.join("\n")}\n` } : output;
    };
    const options = { device, uuid: RECORDED_UUID, mapperName: "state", runDirectory: directory };
    assert.equal(await new StateDisk(options, exec).isOpen(signal), false);
    const done = commands.map(({ args }) => `${args[0]} ${args.at(-1)}`).filter((call) => !call.startsWith("info"));
    assert.deepEqual(done, ["remove state", "remove state_dif", "status state"]);
  });
});
