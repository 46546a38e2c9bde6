import {
  freeArea,
  HEADER_AREA_BYTES,
  LuksError,
  type Range,
  repairOrder,
  validateVolumeHeader,
  VOLUME_HEADER_BYTES,
  type VolumeHeader,
  wholeHeader,
  writeOrder,
} from "@constellation/luks";
import { CsiError } from "../errors.ts";
import type { Files } from "../kernel/files.ts";
import { type MarkedHeader, marked } from "./content.ts";
import type { VolumeNames } from "./names.ts";

/** A header that is to take the place of the one before. */
export interface ChangedHeader {
  readonly area: Uint8Array;
  readonly header: MarkedHeader;
  readonly before: VolumeHeader;
}

/**
 * A volume's header between device and memory. cryptsetup only ever gets the copy in memory, which was checked (T7).
 */
export class HeaderStore {
  readonly #files: Files;
  readonly #names: VolumeNames;

  constructor(files: Files, names: VolumeNames) {
    this.#files = files;
    this.#names = names;
  }

  /** What of the device's header area is used. */
  async readDevice(): Promise<Uint8Array> {
    return await this.#files.read(this.#names.vendorDevice, 0, VOLUME_HEADER_BYTES);
  }

  /** Puts a checked header where cryptsetup gets it, runs something with that, and takes it away. */
  async withCopy<T>(area: Uint8Array, header: VolumeHeader, use: (headerFile: string) => Promise<T>): Promise<T> {
    const { headerFile } = this.#names;
    try {
      await this.#files.writePrivate(headerFile, wholeHeader(area, header), HEADER_AREA_BYTES);
      return await use(headerFile);
    } finally {
      await this.#files.remove(headerFile);
    }
  }

  /** The copy as cryptsetup has changed it. @throws CsiError `header_refused` if it is not what was asked for */
  async readCopy(before: VolumeHeader, wanted: { readonly generation: number }): Promise<ChangedHeader> {
    const area = await this.#files.read(this.#names.headerFile, 0, VOLUME_HEADER_BYTES);
    const header = marked(checkHeader(area));
    if (header.uuid !== before.uuid || header.generation !== wanted.generation) {
      const got = `UUID "${header.uuid}" and generation "${header.generation}"`;
      throw new CsiError("header_refused", `Change header failed: got ${got}, wanted those asked for`);
    }
    return { area: wholeHeader(area, header), header, before };
  }

  /** Writes a changed header to the device. Cut off anywhere, the device has it or the one before. */
  async commit({ area, header, before }: ChangedHeader): Promise<void> {
    await this.#write(area, writeOrder(header, before));
  }

  /** Does what a change that was cut off has left undone: the second copy, and the slot before, which must not stay. */
  async repair(area: Uint8Array, header: VolumeHeader): Promise<void> {
    const { start, end } = freeArea(header);
    if (header.whole && area.subarray(start, end).every((byte) => byte === 0)) return;
    await this.#write(wholeHeader(area, header), repairOrder(header));
  }

  async #write(area: Uint8Array, order: readonly Range[]): Promise<void> {
    for (const { start, end } of order) {
      await this.#files.write(this.#names.vendorDevice, start, area.subarray(start, end));
    }
  }
}

/** Accepts a header of a volume. @throws CsiError `header_refused` */
export function checkHeader(area: Uint8Array): VolumeHeader {
  try {
    return validateVolumeHeader(area);
  } catch (cause) {
    if (!(cause instanceof LuksError)) throw cause;
    throw new CsiError("header_refused", `Open volume failed: ${cause.message}`, { cause });
  }
}

/** The error of a header that its key does not open. */
export function keyRefused({ uuid, generation }: VolumeHeader): CsiError {
  return new CsiError(
    "key_refused",
    `Open volume failed: got a header that the key of "volume/${uuid}", generation "${generation}", does not open`,
  );
}
