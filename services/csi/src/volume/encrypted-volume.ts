import { HEADER_AREA_BYTES, type VolumeHeader, volumeToken } from "@constellation/luks";
import { CsiError } from "../errors.ts";
import { type VolumeKeys, withVolumeKey } from "../keys/volume-keys.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Mapping } from "../kernel/mappings.ts";
import { type DeviceEnds, type MarkedHeader, planVolume, type VolumePlan } from "./content.ts";
import { requireDevice } from "./device.ts";
import { type FileSystem, makeFileSystem } from "./file-systems.ts";
import { type ChangedHeader, checkHeader, HeaderStore, keyRefused } from "./header-store.ts";
import type { VolumeNames } from "./names.ts";
import { noteGeneration, type VolumeRecord, type VolumeRecords } from "./record.ts";

/** Zeroed at both ends of a new volume with integrity, where probes and tools read without having written. */
const ZEROED_BYTES = 32 * 1024 * 1024;

/** For closing what a failed call has opened. */
const CLOSE_TIMEOUT_MS = 60_000;

/** Room for the header, and as much for data. */
const SMALLEST_BYTES = 2 * HEADER_AREA_BYTES;

/** What a volume is opened for. */
export interface OpenVolume {
  readonly driver: string;
  readonly volumeId: string;
  readonly names: VolumeNames;
  /** The file system that a new volume gets; none for a block volume. */
  readonly fileSystem: string | undefined;
  readonly readOnly: boolean;
}

/** What encrypted volumes need from outside. */
export interface EncryptedVolumeParts {
  readonly kernel: Kernel;
  readonly records: VolumeRecords;
  readonly keys: VolumeKeys;
  readonly newUuid: () => string;
  /** Gives the file system's name its meaning. @throws CsiError `unsupported` */
  readonly parseFileSystem: (name: string, options: { integrity: boolean }) => FileSystem;
}

/**
 * The encryption between a vendor's device and what pods get. Each method can be cut off at any step and run again to
 * the same end: what was done is asked of the kernel, of the device's header and of the record.
 */
export class EncryptedVolumes {
  readonly #parts: EncryptedVolumeParts;

  constructor(parts: EncryptedVolumeParts) {
    this.#parts = parts;
  }

  /**
   * Opens a volume, after formatting it if it is new. No plaintext reaches the vendor's device: the file system is made
   * on the mapping. What was opened here is closed again on failure.
   * @throws CsiError
   */
  async open(volume: OpenVolume, signal: AbortSignal): Promise<Mapping> {
    const { kernel, records } = this.#parts;
    const device = await requireDevice(kernel, volume.names);
    const record = await records.find(volume.driver, volume.volumeId, signal);
    if (volume.fileSystem !== undefined) this.#parts.parseFileSystem(volume.fileSystem, record);
    const mapping = await kernel.mapping(volume.names.mapping);
    if (mapping !== undefined) {
      if (isOnRecord(mapping, record, device, volume)) {
        await kernel.files.remove(volume.names.headerFile);
        return mapping;
      }
      // Of a formatting that was cut off, or over a device that is there no more: to be opened anew. In use it stays.
      await kernel.cryptsetup.close(volume.names.mapping, signal);
    }
    await kernel.removeLeftOvers({ name: volume.names.mapping, unformatted: [device] }, signal);
    const store = new HeaderStore(kernel.files, volume.names);
    const ends = await this.#readEnds(volume.names, store, signal);
    const work = { volume, record, store, ends };
    return await this.#carryOut(planVolume(record, ends), work, signal);
  }

  /** Closes a volume's mapping. */
  async close(names: VolumeNames, signal: AbortSignal): Promise<void> {
    const { kernel } = this.#parts;
    if ((await kernel.mapping(names.mapping)) !== undefined) {
      return await kernel.cryptsetup.close(names.mapping, signal);
    }
    const device = (await kernel.files.status(names.vendorDevice))?.device;
    const unformatted = device === undefined ? [] : [device];
    await kernel.removeLeftOvers({ name: names.mapping, unformatted }, signal);
  }

  /**
   * Closes what a call that failed has opened, also where the process ends. What that meets is told beside the error of the
   * call, which it gives back, and never in its place.
   */
  async closeAfter(error: unknown, names: VolumeNames): Promise<unknown> {
    try {
      await this.close(names, AbortSignal.timeout(CLOSE_TIMEOUT_MS));
      return error;
    } catch (closing) {
      if (!(error instanceof CsiError)) return error;
      const also = closing instanceof Error ? closing.message : String(closing);
      return new CsiError(error.code, `${error.message}; then: ${also}`, { cause: error });
    }
  }

  async #carryOut(plan: VolumePlan, work: Work, signal: AbortSignal): Promise<Mapping> {
    const { records } = this.#parts;
    switch (plan.kind) {
      case "new": {
        refuseReaders(work.volume);
        const uuid = this.#parts.newUuid();
        const record = await records.beginFormatting(work.record, uuid, signal);
        return await this.#format(uuid, { ...work, record }, signal);
      }
      case "format":
        refuseReaders(work.volume);
        return await this.#format(plan.uuid, work, signal);
      case "adopt":
        await records.record(work.record, plan.header.uuid, plan.header.generation, signal);
        return await this.#openMapping(plan.header, work.ends.head, work, signal);
      case "open":
        // A clone that was put in its place, or a change of the key that was cut off before it was noted.
        await noteGeneration(records, work.record, plan.header, signal);
        return await this.#openMapping(plan.header, work.ends.head, work, signal);
    }
  }

  /** Formats, opens, fills. Only then the device gets the header with its token, and the record says that it may be used. */
  async #format(uuid: string, work: Work, signal: AbortSignal): Promise<Mapping> {
    const { volume, record, store } = work;
    const made = await this.#makeHeader(uuid, work, signal);
    const mapping = await this.#openMapping(made.header, made.area, work, signal);
    try {
      await this.#fill(mapping, made.header, volume, signal);
      await this.#requireOwn(made, work, signal);
      await store.commit(made);
      await this.#parts.records.record(record, uuid, made.header.generation, signal);
      return mapping;
    } catch (error) {
      throw await this.closeAfter(error, volume.names);
    }
  }

  /**
   * Where storage lets two nodes at a device, another one may have formatted it meanwhile, and given it to a pod.
   * @throws CsiError `record_conflict`, `volume_swapped`
   */
  async #requireOwn({ before, area }: ChangedHeader, { volume, store }: Work, signal: AbortSignal): Promise<void> {
    const { driver, volumeId } = volume;
    const record = await this.#parts.records.find(driver, volumeId, signal);
    if (record.uuid !== undefined || record.formatting !== before.uuid) {
      const got = `got a record of UUID "${record.uuid ?? ""}" with formatting of "${record.formatting ?? ""}"`;
      throw new CsiError(
        "record_conflict",
        `Format volume failed: ${got}, wanted formatting of "${before.uuid}" alone`,
      );
    }
    const { areaOffset, areaBytes } = before.slot;
    const slot = (from: Uint8Array): Uint8Array => from.subarray(areaOffset, areaOffset + areaBytes);
    const found = await store.readDevice();
    const { uuid } = checkHeader(found);
    if (uuid === before.uuid && Buffer.compare(slot(found), slot(area)) === 0) return;
    const got = `got a header of UUID "${uuid}" with another key slot`;
    throw new CsiError(
      "volume_swapped",
      `Format volume failed: ${got}, wanted the one of "${before.uuid}" that was written`,
    );
  }

  /**
   * Has cryptsetup format the device, and makes the header with its token in memory. What is opened is that one, never what
   * the device shows next.
   */
  async #makeHeader(uuid: string, { volume, record, store, ends }: Work, signal: AbortSignal): Promise<ChangedHeader> {
    const { kernel, keys } = this.#parts;
    const { integrity } = record;
    const device = volume.names.vendorDevice;
    if (!ends.tailBlank) {
      // Of a filling that was cut off. Blank, it tells what formatting leaves from data.
      const range = { offset: ends.sizeBytes - HEADER_AREA_BYTES, length: HEADER_AREA_BYTES };
      await kernel.zero(device, range, signal);
    }
    return await withVolumeKey(await keys.get(uuid, 0, signal), async (volumeKey) => {
      await kernel.cryptsetup.format({ device, uuid, integrity }, volumeKey.key, signal);
      const area = await store.readDevice();
      const header = checkHeader(area);
      if (header.uuid !== uuid || header.integrity !== integrity) {
        const got = `LUKS UUID "${header.uuid}" ${header.integrity ? "with" : "without"} integrity`;
        throw new CsiError(
          "volume_swapped",
          `Format volume failed: got ${got}, wanted the header that was just written`,
        );
      }
      return await store.withCopy(area, header, async (headerFile) => {
        const token = volumeToken(volumeKey.generation, integrity);
        await kernel.cryptsetup.importToken(headerFile, token, { replace: false }, signal);
        return await store.readCopy(header, volumeKey);
      });
    });
  }

  /** What was never written can't be read where there is integrity: all of a block volume is written, of others the ends. */
  async #fill(mapping: Mapping, { integrity }: VolumeHeader, volume: OpenVolume, signal: AbortSignal): Promise<void> {
    const { kernel, parseFileSystem } = this.#parts;
    const { path, sizeBytes } = mapping;
    if (integrity) {
      const all = volume.fileSystem === undefined || sizeBytes <= 2 * ZEROED_BYTES;
      const ranges = all
        ? [{ offset: 0, length: sizeBytes }]
        : [0, sizeBytes - ZEROED_BYTES].map((offset) => ({ offset, length: ZEROED_BYTES }));
      for (const range of ranges) await kernel.zero(path, range, signal);
      // Before the header says that it is filled.
      await kernel.files.sync(path);
    }
    if (volume.fileSystem === undefined) return;
    const { program, args } = makeFileSystem(parseFileSystem(volume.fileSystem, { integrity }), { integrity });
    await kernel.makeFileSystem(program, [...args, path], signal);
  }

  async #openMapping(
    header: MarkedHeader,
    area: Uint8Array,
    { volume, store }: Work,
    signal: AbortSignal,
  ): Promise<Mapping> {
    const { kernel, keys } = this.#parts;
    const { names, readOnly } = volume;
    await withVolumeKey(await keys.get(header.uuid, header.generation, signal), ({ key }) =>
      store.withCopy(area, header, async (headerFile) => {
        if (!readOnly) await store.repair(area, header);
        const options = { device: names.vendorDevice, headerFile, name: names.mapping, readOnly };
        if (!(await kernel.cryptsetup.open(options, key, signal))) throw keyRefused(header);
      }),
    );
    const mapping = await kernel.mapping(names.mapping);
    if (mapping !== undefined) return mapping;
    throw new CsiError("kernel", "Open volume failed: got no mapping from cryptsetup, wanted one");
  }

  async #readEnds({ vendorDevice }: VolumeNames, store: HeaderStore, signal: AbortSignal): Promise<DeviceEnds> {
    const { kernel } = this.#parts;
    const size = await kernel.sizeBytes(vendorDevice, signal);
    if (size < SMALLEST_BYTES) {
      throw new CsiError(
        "vendor_device",
        `Open volume failed: got "${size}" bytes, wanted "${SMALLEST_BYTES}" or more`,
      );
    }
    const head = await store.readDevice();
    const headBlank = await kernel.files.isBlank(vendorDevice, 0, HEADER_AREA_BYTES);
    const tailBlank = await kernel.files.isBlank(vendorDevice, size - HEADER_AREA_BYTES, HEADER_AREA_BYTES);
    return { head, headBlank, tailBlank, sizeBytes: size };
  }
}

interface Work {
  readonly volume: OpenVolume;
  readonly record: VolumeRecord;
  readonly store: HeaderStore;
  readonly ends: DeviceEnds;
}

/** A volume that nothing was ever written to is of no use to who may not write. @throws CsiError `unsupported` */
function refuseReaders({ readOnly }: OpenVolume): void {
  if (readOnly)
    throw new CsiError("unsupported", "Format volume failed: got a read-only volume, wanted a writable one");
}

/**
 * Whether an open mapping is what the record says.
 * @throws CsiError `volume_swapped` if it is another volume's, `integrity_missing`
 */
function isOnRecord(mapping: Mapping, record: VolumeRecord, device: string, volume: OpenVolume): boolean {
  if (record.uuid === undefined || mapping.below !== device) return false;
  if (mapping.luksUuid !== record.uuid) {
    const got = `LUKS UUID "${mapping.luksUuid}"`;
    throw new CsiError("volume_swapped", `Open volume failed: got ${got}, wanted "${record.uuid}"`);
  }
  if (record.integrity && !mapping.integrity) {
    const got = "got an open volume without integrity, wanted one with integrity";
    throw new CsiError("integrity_missing", `Open volume failed: ${got}`);
  }
  return mapping.readOnly === volume.readOnly;
}
