import { randomBytes } from "node:crypto";
import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DiskKey } from "@constellation/keys";
import { NodeError } from "../errors.ts";
import type { Command, Exec } from "../exec/exec.ts";
import { copyOffset, HEADER_SIZE_BYTES } from "../luks/binary-header.ts";
import { type DiskContent, HEADER_AREA_BYTES, inspectDisk, validateHeader } from "../luks/header.ts";
import { STATE_DISK_TOKEN } from "../luks/metadata.ts";
import { parseArea, RECOVERY_AREA, type RecoverySlot } from "../recovery/slot.ts";

/** Key derivation of the one slot: the passphrase is 32 random bytes, so a slow function would only cost time (ADR). */
const KDF_ARGS = ["--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000", "--hash=sha256"];

const FORMAT_ARGS = [
  "--type=luks2",
  "--cipher=aes-xts-plain64",
  "--key-size=512",
  "--integrity=hmac-sha256",
  "--integrity-no-wipe",
  "--sector-size=4096",
  ...KDF_ARGS,
];

// With integrity tags, a sector that was never written can't be read. Backup superblocks of less than 4 KiB would be
// read before they are written, and lazy initialisation would leave holes.
const MKFS_ARGS = [
  "-q",
  "-O",
  "sparse_super2",
  "-E",
  "num_backup_sb=0,lazy_itable_init=0,lazy_journal_init=0,nodiscard",
];

const MIB = 1024 * 1024;
/** Zeroed at both ends of a new disk, where probes and tools read without having written. */
const ZEROED_MIB = 32;
const HEADER_FILE = "state-header";
/** All inode tables are written: a disk of terabytes takes its time. */
const MKFS_TIMEOUT_MS = 6 * 3600_000;

export interface StateDiskOptions {
  device: string;
  uuid: string;
  mapperName: string;
  /** In memory: holds the detached copy of the header. */
  runDirectory: string;
}

/**
 * The state disk: LUKS2 with authenticated encryption. All of cryptsetup's work on keys and tokens happens on a copy of
 * the header in memory, which `commit` writes to the disk in one go: until then the disk shows a random passphrase's
 * key slot and counts as fresh, from then on it belongs to an initialised node.
 */
export class StateDisk {
  readonly #options: StateDiskOptions;
  readonly #exec: Exec;

  constructor(options: StateDiskOptions, exec: Exec) {
    this.#options = options;
    this.#exec = exec;
  }

  get mappedDevice(): string {
    return `/dev/mapper/${this.#options.mapperName}`;
  }

  get #headerFile(): string {
    return join(this.#options.runDirectory, HEADER_FILE);
  }

  /** Reads the header area once, keeps the copy for `open`, and says what kind of disk this is. @throws LuksError */
  async inspect(): Promise<DiskContent> {
    return await withArea(this.#options.device, async (area) => {
      const content = inspectDisk(area, this.#options.uuid);
      await this.#writeCopy(area);
      return content;
    });
  }

  /**
   * Formats the disk with a random passphrase, opens it and makes the file system.
   * @returns the passphrase, which is nowhere but in this process
   */
  async createFresh(signal: AbortSignal): Promise<DiskKey> {
    const passphrase = new DiskKey(new Uint8Array(randomBytes(32)));
    const { device, uuid } = this.#options;
    const args = ["luksFormat", ...FORMAT_ARGS, "--uuid", uuid, "--batch-mode", "--key-file", "-", device];
    await this.#cryptsetup({ args, stdin: passphrase }, signal);
    await withArea(device, (area) => this.#writeCopy(area));
    await withArea(this.#headerFile, (area) => this.#requireHeader(area, false));
    await this.#openMapping(passphrase, signal);
    await this.#zeroEnds(signal);
    await this.#makeFileSystem(signal);
    return passphrase;
  }

  /** Opens the disk of an initialised node with the header that `inspect` accepted. */
  async open(key: DiskKey, signal: AbortSignal): Promise<void> {
    await withArea(this.#headerFile, (area) => this.#requireHeader(area, true));
    await this.#openMapping(key, signal);
    await this.#removeCopy();
  }

  /** Whether the mapping is there, from an earlier life of the agent in this boot. */
  async isOpen(signal: AbortSignal): Promise<boolean> {
    const args = ["status", this.#options.mapperName];
    const { exitCode } = await this.#run({ program: "cryptsetup", args, acceptedExitCodes: [4] }, signal);
    return exitCode === 0;
  }

  /** Puts `next` in the place of `current` in the copy of the header. */
  async replaceKey(current: DiskKey, next: DiskKey, signal: AbortSignal): Promise<void> {
    const args = ["luksChangeKey", "--batch-mode", ...KDF_ARGS, "--key-slot", "0", "--key-file", "-"];
    const command = { args: [...args, this.#headerFile, "/proc/self/fd/3"], stdin: current, extraInput: next };
    await this.#cryptsetup(command, signal);
  }

  /**
   * Marks the copy as initialised, checks it once more, and writes it to the disk: key slots first, then the second
   * header, then the first. When this returns, the node is a known one; cut off before its end, the disk is fresh.
   */
  async commit(signal: AbortSignal): Promise<void> {
    const token = new TextEncoder().encode(JSON.stringify(STATE_DISK_TOKEN));
    const args = ["token", "import", "--token-id", "0", "--json-file", "-", this.#headerFile];
    await this.#cryptsetup({ args, stdin: token }, signal);
    await withArea(this.#headerFile, async (area) => {
      this.#requireHeader(area, true);
      await this.#writeHeaders(area);
    });
    await this.#removeCopy();
  }

  /** The sealed records on the disk, the newer one first. They are hostile input. */
  async readRecovery(): Promise<readonly RecoverySlot[]> {
    return parseArea(await this.#readRecoveryArea()).map(({ slot }) => slot);
  }

  /** Puts a first sealed record into the copy of the header, or none; `commit` brings it to the disk. */
  async stageRecovery(slot: Uint8Array | undefined): Promise<void> {
    const area = new Uint8Array(RECOVERY_AREA.slots * RECOVERY_AREA.slotBytes);
    if (slot !== undefined) area.set(slot);
    await writeAt(this.#headerFile, area, RECOVERY_AREA.offset);
  }

  /**
   * Writes a sealed record to the disk, where the older one of two was: cut off, the other one is still there.
   * @param seal makes the record under the next sequence number; undefined writes none
   */
  async writeRecovery<Slot extends { readonly bytes: Uint8Array } | undefined>(
    seal: (sequence: number) => Promise<Slot>,
  ): Promise<Slot> {
    const [newest] = parseArea(await this.#readRecoveryArea());
    const slot = await seal((newest?.slot.sequence ?? 0) + 1);
    const index = newest === undefined ? 0 : (newest.index + 1) % RECOVERY_AREA.slots;
    const offset = RECOVERY_AREA.offset + index * RECOVERY_AREA.slotBytes;
    if (slot !== undefined) await writeAt(this.#options.device, slot.bytes, offset);
    return slot;
  }

  /** Overwrites headers and key slots: whatever was on the disk is gone, and the next boot finds a fresh one. */
  async wipe(): Promise<void> {
    const file = await open(this.#options.device, "r+");
    try {
      const zeros = new Uint8Array(MIB);
      for (let offset = 0; offset < HEADER_AREA_BYTES; offset += MIB) await file.write(zeros, 0, MIB, offset);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  async #openMapping(key: DiskKey, signal: AbortSignal): Promise<void> {
    const { device, mapperName } = this.#options;
    const args = ["open", "--type", "luks2", "--header", this.#headerFile, "--key-file", "-", device, mapperName];
    await this.#cryptsetup({ args, stdin: key }, signal);
  }

  async #makeFileSystem(signal: AbortSignal): Promise<void> {
    const args = [...MKFS_ARGS, this.mappedDevice];
    await this.#run({ program: "mkfs.ext4", args, timeoutMs: MKFS_TIMEOUT_MS }, signal);
  }

  async #zeroEnds(signal: AbortSignal): Promise<void> {
    const { stdout } = await this.#run({ program: "blockdev", args: ["--getsize64", this.mappedDevice] }, signal);
    const sizeMib = Math.floor(Number(stdout.trim()) / MIB);
    if (!(sizeMib >= 2 * ZEROED_MIB)) {
      throw new NodeError(
        "disk",
        `Format state disk failed: got "${sizeMib}" MiB, wanted at least "${2 * ZEROED_MIB}"`,
      );
    }
    const base = ["if=/dev/zero", `of=${this.mappedDevice}`, "bs=1M", `count=${ZEROED_MIB}`, "oflag=direct"];
    const quiet = ["conv=fsync", "status=none"];
    await this.#run({ program: "dd", args: [...base, ...quiet] }, signal);
    await this.#run({ program: "dd", args: [...base, `seek=${sizeMib - ZEROED_MIB}`, ...quiet] }, signal);
    await this.#zeroTail(Number(stdout.trim()), signal);
  }

  /** The last piece of a disk whose size is no multiple of 1 MiB. */
  async #zeroTail(sizeBytes: number, signal: AbortSignal): Promise<void> {
    const start = Math.floor(sizeBytes / MIB) * MIB;
    if (start === sizeBytes) return;
    const at = [`seek=${start / 4096}`, `count=${Math.floor((sizeBytes - start) / 4096)}`];
    const args = ["if=/dev/zero", `of=${this.mappedDevice}`, "bs=4096", ...at, "oflag=direct", "status=none"];
    await this.#run({ program: "dd", args }, signal);
  }

  #requireHeader(area: Uint8Array, initialised: boolean): void {
    const accepted = validateHeader(area, this.#options.uuid);
    if (accepted.initialised === initialised) return;
    const wanted = initialised ? "an initialised node's header" : "a fresh header";
    throw new NodeError("disk", `Open state disk failed: got initialised "${accepted.initialised}", wanted ${wanted}`);
  }

  async #writeHeaders(area: Uint8Array): Promise<void> {
    const file = await open(this.#options.device, "r+");
    try {
      const write = async (start: number, end: number): Promise<void> => {
        await file.write(area, start, end - start, start);
        await file.datasync();
      };
      await write(copyOffset("secondary") + HEADER_SIZE_BYTES, HEADER_AREA_BYTES);
      await write(copyOffset("secondary"), copyOffset("secondary") + HEADER_SIZE_BYTES);
      await write(copyOffset("primary"), copyOffset("primary") + HEADER_SIZE_BYTES);
    } finally {
      await file.close();
    }
  }

  async #readRecoveryArea(): Promise<Uint8Array> {
    const area = new Uint8Array(RECOVERY_AREA.slots * RECOVERY_AREA.slotBytes);
    const file = await open(this.#options.device, "r");
    try {
      // A disk that is shorter has zeros there, and none of our records.
      await file.read(area, 0, area.length, RECOVERY_AREA.offset);
      return area;
    } finally {
      await file.close();
    }
  }

  async #writeCopy(area: Uint8Array): Promise<void> {
    await mkdir(this.#options.runDirectory, { recursive: true, mode: 0o700 });
    await writeFile(this.#headerFile, area, { mode: 0o600 });
  }

  /** Gives its 16 MiB of memory back: an open disk needs no header. */
  async #removeCopy(): Promise<void> {
    await rm(this.#headerFile, { force: true });
  }

  async #cryptsetup(command: Omit<Command, "program">, signal: AbortSignal): Promise<void> {
    await this.#run({ program: "cryptsetup", ...command }, signal);
  }

  async #run(command: Command, signal: AbortSignal): Promise<{ exitCode: number; stdout: string }> {
    try {
      return await this.#exec(command, signal);
    } catch (cause) {
      throw new NodeError("disk", `Run ${command.program} for the state disk failed`, { cause });
    }
  }
}

async function writeAt(path: string, bytes: Uint8Array, offset: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.write(bytes, 0, bytes.length, offset);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/**
 * Reads the header area of a disk or of the copy, and gives its memory back when `use` is done with it: several times
 * 16 MiB would stay with an agent that then has little to do and collects no garbage.
 */
async function withArea<T>(path: string, use: (area: Uint8Array) => T | Promise<T>): Promise<T> {
  const area = new Uint8Array(HEADER_AREA_BYTES);
  try {
    const file = await open(path, "r");
    try {
      let offset = 0;
      while (offset < area.length) {
        const { bytesRead } = await file.read(area, offset, area.length - offset, offset);
        if (bytesRead === 0) {
          throw new NodeError("disk", `Read state disk failed: got "${offset}" bytes, wanted "${area.length}"`);
        }
        offset += bytesRead;
      }
    } finally {
      await file.close();
    }
    return await use(area);
  } finally {
    area.buffer.transfer(0);
  }
}
