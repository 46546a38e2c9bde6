import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { LocalVolumeError } from "./errors.ts";
import { KeyedLocks } from "./locks.ts";
import { isVolumeId } from "./names.ts";
import { formatQuantity, SIZE_UNIT_BYTES } from "./quantity.ts";
import { promisableBytes, type Reserve } from "./space.ts";
import type { NodeSystem } from "./system.ts";

/** A volume's file. */
export interface VolumeFile {
  readonly volumeId: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** Zero as long as nothing was ever written. */
  readonly allocatedBytes: number;
  readonly device: number;
  readonly inode: number;
}

const SUFFIX = ".img";
const SECTOR_BYTES = 512;

/**
 * The volumes of this node: sparse files in one folder. The folder is all the state there is; what is promised to whom is
 * read from it each time.
 */
export class VolumeFiles {
  readonly folder: string;
  readonly #system: Pick<NodeSystem, "statfs">;
  readonly #reserve: Reserve;
  readonly #locks = new KeyedLocks();

  constructor(folder: string, system: Pick<NodeSystem, "statfs">, reserve: Reserve) {
    this.folder = folder;
    this.#system = system;
    this.#reserve = reserve;
  }

  /** Makes the folder, which nobody else may read. */
  async prepare(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
  }

  pathOf(volumeId: string): string {
    return join(this.folder, `${volumeId}${SUFFIX}`);
  }

  /** The file of a volume, or undefined. @throws LocalVolumeError `volume_foreign` if something else has its name */
  async find(volumeId: string): Promise<VolumeFile | undefined> {
    const path = this.pathOf(volumeId);
    const stat = await lstat(path).catch(unlessMissing);
    if (stat === undefined) return undefined;
    if (!stat.isFile()) throw foreign(volumeId);
    const { size: sizeBytes, blocks, dev: device, ino: inode } = stat;
    return { volumeId, path, sizeBytes, allocatedBytes: blocks * SECTOR_BYTES, device, inode };
  }

  /** @throws LocalVolumeError `volume_missing` */
  async require(volumeId: string): Promise<VolumeFile> {
    const file = await this.find(volumeId);
    if (file !== undefined) return file;
    throw new LocalVolumeError("volume_missing", `Find volume failed: got no file of "${volumeId}" on this node`);
  }

  /** All volumes; other files in the folder are nobody's. */
  async list(): Promise<VolumeFile[]> {
    const names = (await readdir(this.folder)).filter((name) => name.endsWith(SUFFIX));
    const ids = names.map((name) => name.slice(0, -SUFFIX.length)).filter(isVolumeId);
    return (await Promise.all(ids.map((id) => this.find(id)))).filter((file) => file !== undefined);
  }

  /** Bytes that a new volume can have. */
  async promisableBytes(): Promise<number> {
    const [space, files] = await Promise.all([this.#system.statfs(this.folder), this.list()]);
    const sum = (key: "sizeBytes" | "allocatedBytes"): number => files.reduce((total, file) => total + file[key], 0);
    const use = { sizeBytes: sum("sizeBytes"), allocatedBytes: sum("allocatedBytes") };
    const bytes = promisableBytes(space, use, this.#reserve);
    return bytes - (bytes % SIZE_UNIT_BYTES);
  }

  /**
   * Makes a volume of at least this size, or grows it; never makes one smaller. Safe to repeat: a file that was left
   * half-made by a crash is one that is too small.
   * @throws LocalVolumeError `space_exhausted`
   */
  async ensure(volumeId: string, sizeBytes: number): Promise<VolumeFile> {
    // One at a time: two promises could each fit, and not both.
    return this.#locks.run("space", async () => {
      const present = (await this.find(volumeId))?.sizeBytes ?? 0;
      if (present < sizeBytes) await this.#resize(volumeId, sizeBytes, sizeBytes - present);
      return this.require(volumeId);
    });
  }

  /** Removes a volume's file. Safe to repeat. */
  async remove(volumeId: string): Promise<void> {
    await unlink(this.pathOf(volumeId)).catch(unlessMissing);
    await this.#syncFolder();
  }

  async #resize(volumeId: string, sizeBytes: number, moreBytes: number): Promise<void> {
    const left = await this.promisableBytes();
    if (moreBytes > left) {
      const got = `got "${formatQuantity(left)}" left for volumes on this node`;
      throw new LocalVolumeError(
        "space_exhausted",
        `Reserve space failed: ${got}, wanted "${formatQuantity(moreBytes)}"`,
      );
    }
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
    const file: FileHandle = await open(this.pathOf(volumeId), O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      await file.truncate(sizeBytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#syncFolder();
  }

  // A name that is not on disk when a PersistentVolume has it would be a lost volume after a power failure.
  async #syncFolder(): Promise<void> {
    const folder = await open(this.folder, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

function foreign(volumeId: string): LocalVolumeError {
  return new LocalVolumeError(
    "volume_foreign",
    `Find volume failed: got something else as "${volumeId}", wanted a file`,
  );
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}
