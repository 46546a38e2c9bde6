import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { LocalVolumeError } from "./errors.ts";
import type { NodeSystem } from "./system.ts";
import type { VolumeFile } from "./volume-files.ts";

/** What of a volume's file its device is known by. */
type BackingFile = Pick<VolumeFile, "volumeId" | "path">;

/** A loop device that a volume's file is attached to. */
export interface LoopDevice {
  /** For example `loop3`. */
  readonly name: string;
  /** Its device node. */
  readonly path: string;
  /** `major:minor`, as in /proc/self/mountinfo and by stat(2). */
  readonly number: string;
}

// Direct I/O wants sectors as large as those of the disk below, which has 4096 bytes (the state disk's LUKS2).
const SECTOR_BYTES = 4096;

/**
 * The loop devices of volumes. What is attached is asked of the kernel each time: a process that ends in the middle of
 * anything leaves nothing that the next one would not find.
 */
export class LoopDevices {
  readonly #system: NodeSystem;

  constructor(system: NodeSystem) {
    this.#system = system;
  }

  /**
   * The device of a volume, or undefined. sysfs names the backing file as seen from the mount that it was opened through,
   * which may be gone with an earlier container: the file's own name is the hint, its inode decides.
   */
  async find(file: BackingFile, signal: AbortSignal): Promise<LoopDevice | undefined> {
    const hints = await this.#named(basename(file.path));
    if (hints.length === 0) return undefined;
    // losetup -j compares device and inode numbers (LOOP_GET_STATUS64: lo_device, lo_inode).
    const listed = await this.#system.run("losetup", ["--associated", file.path], signal);
    const attached = hints.filter((name) => listed.split("\n").some((line) => line.startsWith(`/dev/${name}:`)));
    if (attached.length <= 1) return attached[0] === undefined ? undefined : this.#device(attached[0]);
    throw new LocalVolumeError(
      "volume_foreign",
      `Find loop device failed: got ${attached.join(", ")} for "${file.volumeId}", wanted one`,
    );
  }

  /** @throws LocalVolumeError `not_staged` */
  async require(file: BackingFile, signal: AbortSignal): Promise<LoopDevice> {
    const device = await this.find(file, signal);
    if (device !== undefined) return device;
    throw new LocalVolumeError("not_staged", `Find loop device failed: got none for "${file.volumeId}", wanted one`);
  }

  /**
   * Attaches a volume's file. The kernel sets all of it in one call (LOOP_CONFIGURE), so that there is no half of it.
   * Discards become holes in the file by themselves.
   * @throws LocalVolumeError `volume_conflict` while an earlier device of it is going away
   */
  async attach(file: BackingFile, signal: AbortSignal): Promise<LoopDevice> {
    const present = await this.find(file, signal);
    if (present !== undefined) {
      await this.#requireStaying(present, file);
      return present;
    }
    const options = ["--find", "--nooverlap", "--direct-io=on", "--sector-size", `${SECTOR_BYTES}`];
    await this.#system.run("losetup", [...options, file.path], signal);
    return this.require(file, signal);
  }

  /**
   * Detaches a volume's file; none is attached afterwards. Safe to repeat.
   * @throws LocalVolumeError `volume_in_use` when something stands on the device or has it open
   */
  async detach(file: BackingFile, signal: AbortSignal): Promise<void> {
    const device = await this.find(file, signal);
    if (device === undefined) return;
    const holders = await readdir(this.#sysfs(device.name, "holders"));
    if (holders.length > 0) throw inUse(file, device, `"${holders.join(", ")}" on it`);
    await this.#system.run("losetup", ["--detach", device.path], signal);
    // The kernel keeps a device that is open until it is closed, and says nothing about that.
    if ((await this.find(file, signal)) !== undefined) throw inUse(file, device, "it still open");
  }

  /** Has the device take the file's size. */
  async refreshSize(device: LoopDevice, signal: AbortSignal): Promise<void> {
    await this.#system.run("losetup", ["--set-capacity", device.path], signal);
  }

  /** Size of the device as the kernel has it. */
  async sizeBytes(device: LoopDevice): Promise<number> {
    // In units of 512 bytes, whatever the sector size (sysfs-block).
    return Number((await readFile(this.#sysfs(device.name, "size"), "utf8")).trim()) * 512;
  }

  async #named(fileName: string): Promise<string[]> {
    const names = (await readdir(join(this.#system.sysfs, "block"))).filter((name) => /^loop\d+$/.test(name));
    const backing = await Promise.all(names.map((name) => this.#attribute(name, "loop/backing_file")));
    return names.filter((_, index) => basename(backing[index] ?? "") === fileName);
  }

  async #device(name: string): Promise<LoopDevice> {
    const number = (await this.#attribute(name, "dev")) ?? "";
    return { name, path: join(this.#system.dev, name), number };
  }

  async #requireStaying(device: LoopDevice, file: BackingFile): Promise<void> {
    if ((await this.#attribute(device.name, "loop/autoclear")) !== "1") return;
    throw new LocalVolumeError(
      "volume_conflict",
      `Attach volume failed: got "${device.name}" of "${file.volumeId}" on its way out, wanted it gone`,
    );
  }

  // A device that is detached meanwhile has no such file any more.
  async #attribute(name: string, attribute: string): Promise<string | undefined> {
    const text = await readFile(this.#sysfs(name, attribute), "utf8").catch(() => undefined);
    return text?.trimEnd();
  }

  #sysfs(name: string, attribute: string): string {
    return join(this.#system.sysfs, "block", name, attribute);
  }
}

function inUse({ volumeId }: BackingFile, { name }: LoopDevice, got: string): LocalVolumeError {
  return new LocalVolumeError("volume_in_use", `Detach volume failed: "${volumeId}", ${name}: got ${got}, wanted none`);
}
