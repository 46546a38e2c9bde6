import type { BindMounts } from "./bind-mounts.ts";
import { invalid } from "./check.ts";
import { LocalVolumeError } from "./errors.ts";
import { KeyedLocks } from "./locks.ts";
import type { LoopDevices } from "./loop-devices.ts";
import { formatQuantity, roundUp } from "./quantity.ts";
import type { VolumeFile, VolumeFiles } from "./volume-files.ts";

/** What volumes are made of. */
export interface VolumeParts {
  readonly files: VolumeFiles;
  readonly loops: LoopDevices;
  readonly mounts: BindMounts;
}

/** Sizes between which a volume is to be, as a call says; zero says nothing. */
export interface SizeRange {
  readonly requiredBytes: number;
  readonly limitBytes: number;
}

/** What a volume takes of the disk. */
export interface VolumeUsage {
  readonly totalBytes: number;
  readonly usedBytes: number;
}

/** The volumes of this node as files, devices and paths. Steps on one volume come one after the other. */
export class LocalVolumes {
  readonly #parts: VolumeParts;
  readonly #locks = new KeyedLocks();

  constructor(parts: VolumeParts) {
    this.#parts = parts;
  }

  get files(): VolumeFiles {
    return this.#parts.files;
  }

  /** Attaches a volume to a loop device. */
  stage(volumeId: string, signal: AbortSignal): Promise<void> {
    return this.#locks.run(volumeId, async () => {
      await this.#parts.loops.attach(await this.files.require(volumeId), signal);
    });
  }

  /** Detaches a volume; one whose file is gone is not attached. */
  unstage(volumeId: string, signal: AbortSignal): Promise<void> {
    return this.#locks.run(volumeId, () => this.#detach(volumeId, signal));
  }

  /** Shows the device of a staged volume at a path. */
  publish(volumeId: string, target: string, signal: AbortSignal): Promise<void> {
    return this.#locks.run(volumeId, async () => {
      const device = await this.#parts.loops.require(await this.files.require(volumeId), signal);
      await this.#parts.mounts.ensure(device, target, signal);
    });
  }

  unpublish(volumeId: string, target: string, signal: AbortSignal): Promise<void> {
    return this.#locks.run(volumeId, () => this.#parts.mounts.remove(target, signal));
  }

  /** Makes the file, or grows it; never makes it smaller. */
  ensure(volumeId: string, sizeBytes: number): Promise<VolumeFile> {
    return this.#locks.run(volumeId, () => this.files.ensure(volumeId, sizeBytes));
  }

  /**
   * Has file and device of a volume be at least this large.
   * @returns the size
   */
  expand(volumeId: string, { requiredBytes, limitBytes }: SizeRange, signal: AbortSignal): Promise<number> {
    return this.#locks.run(volumeId, async () => {
      const { sizeBytes: present } = await this.files.require(volumeId);
      const wanted = Math.max(roundUp(requiredBytes), present);
      if (limitBytes !== 0 && wanted > limitBytes) {
        const got = `got a limit of "${formatQuantity(limitBytes)}"`;
        throw new LocalVolumeError(
          "size_out_of_range",
          `Expand volume failed: ${got}, wanted "${formatQuantity(wanted)}"`,
        );
      }
      const file = await this.files.ensure(volumeId, wanted);
      await this.#parts.loops.refreshSize(await this.#parts.loops.require(file, signal), signal);
      return file.sizeBytes;
    });
  }

  /** Detaches a volume and removes its file. */
  remove(volumeId: string, signal: AbortSignal): Promise<void> {
    return this.#locks.run(volumeId, async () => {
      await this.#detach(volumeId, signal);
      await this.files.remove(volumeId);
    });
  }

  /**
   * Removes the file of a volume in which no byte was ever written.
   * @returns whether it is gone
   */
  removeUnwritten(volumeId: string, signal: AbortSignal): Promise<boolean> {
    return this.#locks.run(volumeId, async () => {
      const file = await this.files.find(volumeId);
      if (file === undefined) return true;
      if (file.allocatedBytes !== 0) return false;
      if ((await this.#parts.loops.find(file, signal)) !== undefined) return false;
      await this.files.remove(volumeId);
      return true;
    });
  }

  /** @throws LocalVolumeError `volume_missing` if the path does not show this volume */
  async usage(volumeId: string, path: string, signal: AbortSignal): Promise<VolumeUsage> {
    const file = await this.files.require(volumeId);
    const device = await this.#parts.loops.require(file, signal);
    const seen = await this.#parts.mounts.deviceAt(path);
    if (seen !== device.number) {
      const got = seen === undefined ? "no block device" : `device "${seen}"`;
      const message = `Get volume stats failed: volume_path: got ${got}, wanted "${device.number}"`;
      throw new LocalVolumeError("volume_missing", message);
    }
    return { totalBytes: await this.#parts.loops.sizeBytes(device), usedBytes: file.allocatedBytes };
  }

  async #detach(volumeId: string, signal: AbortSignal): Promise<void> {
    const file = await this.files.find(volumeId);
    if (file !== undefined) await this.#parts.loops.detach(file, signal);
  }
}

/** A size of a call. @throws LocalVolumeError `argument_invalid` */
export function requireSize(field: string, bytes: bigint): number {
  if (bytes >= 0n && bytes <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(bytes);
  throw invalid(field, `"${bytes}"`, "a size");
}
