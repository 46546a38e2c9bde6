import { randomBytes } from "node:crypto";
import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command, Exec, Output } from "@constellation/exec";
import { DiskKey } from "@constellation/keys";
import {
  type AcceptedMetadata,
  AREA_OFFSETS,
  AREA_SIZE_BYTES,
  type CopyName,
  copyOffset,
  Cryptsetup,
  type DiskContent,
  HEADER_AREA_BYTES,
  HEADER_SIZE_BYTES,
  inspectDisk,
  removeLeftOvers,
  replaceCopy,
  stateDiskToken,
  validateHeader,
} from "@constellation/luks";
import { NodeError } from "../errors.ts";
import { faultPoint } from "../fault.ts";
import { LAST_SEQUENCE, parseArea, RECOVERY_AREA, type RecoverySlot } from "../recovery/slot.ts";

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

/** A key to change to, and the generation of the master secret that it is from. */
export interface KeyChange {
  readonly key: DiskKey;
  readonly generation: number;
}

/** What became of an open disk's key. */
export interface OpenedDisk {
  /** Generation that the disk's key is from now. */
  readonly generation: number;
  /** Why the key was not changed, or what was cut off not finished: the disk is open all the same. */
  readonly failure?: unknown;
}

/**
 * The state disk: LUKS2 with authenticated encryption. All of cryptsetup's work on keys and tokens happens on a copy of
 * the header in memory, which `commit` writes to the disk in one go: until then the disk shows a random passphrase's
 * key slot and counts as fresh, from then on it belongs to an initialised node.
 */
export class StateDisk {
  readonly #options: StateDiskOptions;
  readonly #exec: Exec;
  readonly #cryptsetup: Cryptsetup;
  /** The copy of the header that `inspect` found broken by a change that was cut off. */
  #broken: CopyName | undefined;

  constructor(options: StateDiskOptions, exec: Exec) {
    this.#options = options;
    this.#exec = exec;
    this.#cryptsetup = new Cryptsetup((command, signal) => this.#run(command, signal));
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
      this.#broken = content.kind === "initialised" ? content.broken : undefined;
      if (this.#broken !== undefined) replaceCopy(area, this.#broken);
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
    await this.#cryptsetup.format({ device, uuid, integrity: true }, passphrase, signal);
    await withArea(device, (area) => this.#writeCopy(area));
    await withArea(this.#headerFile, (area) => this.#requireHeader(area, false));
    await this.#openMapping(passphrase, signal);
    await this.#zeroEnds(signal);
    await this.#makeFileSystem(signal);
    return passphrase;
  }

  /**
   * Opens the disk of an initialised node with the header that `inspect` accepted. Then finishes a change of the key that
   * was cut off, and changes the key, where `change` is of a newer generation.
   */
  async open(key: DiskKey, signal: AbortSignal, change?: KeyChange): Promise<OpenedDisk> {
    const header = await this.#acceptedCopy();
    await this.#openMapping(key, signal);
    try {
      if (this.#broken !== undefined) await this.#finishChange(this.#broken, header);
      if (change === undefined || change.generation <= header.generation) return { generation: header.generation };
      await this.#changeKey(key, change, header, signal);
      return { generation: change.generation };
    } catch (failure) {
      return { generation: header.generation, failure };
    } finally {
      await this.#removeCopy();
    }
  }

  /**
   * Whether the mapping is there, from an earlier life of the agent in this boot. Halves of one, which that life was in
   * the midst of making, are taken away: nobody else formats or opens disks then.
   */
  async isOpen(signal: AbortSignal): Promise<boolean> {
    const of = { name: this.#options.mapperName, unformatted: "any" } as const;
    await removeLeftOvers((command) => this.#run(command, signal), of, signal);
    return await this.#cryptsetup.isOpen(this.#options.mapperName, signal);
  }

  /** Puts `next` in the place of `current` in the copy of the header. */
  async replaceKey(current: DiskKey, next: DiskKey, signal: AbortSignal): Promise<void> {
    await this.#cryptsetup.changeKey(this.#headerFile, current, next, signal);
  }

  /**
   * Marks the copy as initialised, checks it once more, and writes it to the disk: key slots first, then the second
   * header, then the first. When this returns, the node is a known one; cut off before its end, the disk is fresh.
   * @param generation of the master secret that the disk's key is from
   */
  async commit(generation: number, signal: AbortSignal): Promise<void> {
    await this.#cryptsetup.importToken(this.#headerFile, stateDiskToken(generation), { replace: false }, signal);
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
    // A number after which there is none is nobody's of ours: that slot is the one to replace.
    const [newest] = parseArea(await this.#readRecoveryArea()).filter(({ slot }) => slot.sequence < LAST_SEQUENCE);
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

  /**
   * Changes the key and its generation in the copy of the header, checks that it is the accepted one with its slot in the
   * other place, and brings it to the disk: the slot, the second header, zeros over the old slot, the first header. Cut
   * off before the second header is whole, the disk has its old key; from then on it has the new one, and `open` finishes
   * what is left.
   */
  async #changeKey(current: DiskKey, next: KeyChange, before: AcceptedMetadata, signal: AbortSignal): Promise<void> {
    await this.replaceKey(current, next.key, signal);
    await this.#cryptsetup.importToken(this.#headerFile, stateDiskToken(next.generation), { replace: true }, signal);
    const after = await this.#acceptedCopy();
    if (
      after.generation !== next.generation ||
      after.areaOffset === before.areaOffset ||
      after.volume !== before.volume
    ) {
      const got = `generation "${after.generation}" with its slot at "${after.areaOffset}"`;
      throw new NodeError("disk", `Change key of state disk failed: got ${got}, wanted "${next.generation}" elsewhere`);
    }
    await withArea(this.#headerFile, async (area) => {
      await this.#write(area, [after.areaOffset, after.areaOffset + AREA_SIZE_BYTES]);
      faultPoint("rekey.after-slot");
      await this.#write(area, spanOf("secondary"));
      faultPoint("rekey.after-second-header");
      await this.#wipeArea(before.areaOffset);
      faultPoint("rekey.after-wipe");
      await this.#write(area, spanOf("primary"));
    });
  }

  /** Does what `changeKey` had still to do when it was cut off. */
  async #finishChange(broken: CopyName, { areaOffset }: AcceptedMetadata): Promise<void> {
    for (const offset of AREA_OFFSETS) if (offset !== areaOffset) await this.#wipeArea(offset);
    await withArea(this.#headerFile, (area) => this.#write(area, spanOf(broken)));
    this.#broken = undefined;
  }

  /** What the copy of the header says; it must be that of an initialised node. */
  async #acceptedCopy(): Promise<AcceptedMetadata> {
    return await withArea(this.#headerFile, (area) => this.#requireHeader(area, true));
  }

  async #openMapping(key: DiskKey, signal: AbortSignal): Promise<void> {
    const { device, mapperName } = this.#options;
    if (await this.#cryptsetup.open({ device, headerFile: this.#headerFile, name: mapperName }, key, signal)) return;
    throw new NodeError("disk", "Open state disk failed: got a key that opens no slot, wanted the disk's key");
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

  #requireHeader(area: Uint8Array, initialised: boolean): AcceptedMetadata {
    const accepted = validateHeader(area, this.#options.uuid);
    if (accepted.initialised === initialised) return accepted;
    const wanted = initialised ? "an initialised node's header" : "a fresh header";
    throw new NodeError("disk", `Open state disk failed: got initialised "${accepted.initialised}", wanted ${wanted}`);
  }

  async #writeHeaders(area: Uint8Array): Promise<void> {
    await this.#write(area, [copyOffset("secondary") + HEADER_SIZE_BYTES, HEADER_AREA_BYTES]);
    await this.#write(area, spanOf("secondary"));
    await this.#write(area, spanOf("primary"));
  }

  async #wipeArea(offset: number): Promise<void> {
    await this.#write(new Uint8Array(AREA_SIZE_BYTES), [0, AREA_SIZE_BYTES], offset);
  }

  /** Writes a span of the bytes to the disk, to the same place unless another is named, and waits until it is there. */
  async #write(bytes: Uint8Array, [start, end]: Span, position = start): Promise<void> {
    const file = await open(this.#options.device, "r+");
    try {
      const { bytesWritten } = await file.write(bytes, start, end - start, position);
      if (bytesWritten !== end - start) {
        const got = `got "${bytesWritten}" bytes`;
        throw new NodeError("disk", `Write header of state disk failed: ${got}, wanted "${end - start}"`);
      }
      await file.datasync();
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

  async #run(command: Command, signal: AbortSignal): Promise<Output> {
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

type Span = readonly [start: number, end: number];

/** Where a copy of the header is. */
function spanOf(copy: CopyName): Span {
  return [copyOffset(copy), copyOffset(copy) + HEADER_SIZE_BYTES];
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
