import { HEADER_AREA_BYTES, type VolumeHeader, volumeToken } from "@constellation/luks";
import { CsiError } from "../errors.ts";
import { type VolumeKey, type VolumeKeys, withVolumeKey } from "../keys/volume-keys.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Mapping } from "../kernel/mappings.ts";
import { type DeviceEnds, planVolume, type VolumePlan } from "./content.ts";
import { type FileSystem, makeFileSystem } from "./file-systems.ts";
import { checkHeader, HeaderStore } from "./header-store.ts";
import type { VolumeNames } from "./names.ts";
import type { VolumeRecord, VolumeRecords } from "./record.ts";

/** Zeroed at both ends of a new volume with integrity, where probes and tools read without having written. */
const ZEROED_BYTES = 32 * 1024 * 1024;

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
    const device = await this.#requireDevice(volume.names);
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
    const store = new HeaderStore(kernel.files, volume.names);
    const ends = await this.#readEnds(volume.names, store, signal);
    const work = { volume, record, store, head: ends.head };
    return await this.#carryOut(planVolume(record, ends), work, signal);
  }

  /** Closes a volume's mapping. */
  async close(names: VolumeNames, signal: AbortSignal): Promise<void> {
    if ((await this.#parts.kernel.mapping(names.mapping)) === undefined) return;
    await this.#parts.kernel.cryptsetup.close(names.mapping, signal);
  }

  /** Lets an open volume be as large as its device has become. @throws CsiError */
  async resize(names: VolumeNames, mapping: Mapping, signal: AbortSignal): Promise<void> {
    const { store, area, header } = await this.#openHeader(names, mapping);
    await this.#withKey(header.uuid, header.generation, signal, ({ key }) =>
      store.withCopy(area, header, async (headerFile) => {
        const { cryptsetup } = this.#parts.kernel;
        if (!(await cryptsetup.resize(names.mapping, headerFile, key, signal))) throw keyRefused(header);
      }),
    );
  }

  /**
   * Gives an open volume's header the key of the current generation, if it has an older one. All work is on the copy in
   * memory: a slot with the new key, the token, the old slot removed. The device then changes from the old header with
   * its slot to the new one with its own, in one write of a sound copy.
   * @returns the generations, or undefined if there was nothing to do
   */
  async rekey(
    names: VolumeNames,
    mapping: Mapping,
    signal: AbortSignal,
  ): Promise<{ from: number; to: number } | undefined> {
    const { store, area, header } = await this.#openHeader(names, mapping);
    return await this.#withKey(header.uuid, 0, signal, async (next) => {
      if (next.generation <= header.generation) {
        await store.repair(area, header);
        await this.#parts.kernel.files.remove(names.headerFile);
        return undefined;
      }
      await this.#withKey(header.uuid, header.generation, signal, (current) =>
        store.withCopy(area, header, (headerFile) =>
          this.#changeKey({ headerFile, header, store }, { current, next }, signal),
        ),
      );
      return { from: header.generation, to: next.generation };
    });
  }

  /** Has the record say of which generation an open volume's key is. */
  async noteGeneration(names: VolumeNames, mapping: Mapping, signal: AbortSignal): Promise<void> {
    const { header } = await this.#openHeader(names, mapping);
    await this.#note(await this.#parts.records.findByMapping(names.mapping, signal), header, signal);
  }

  async #note(record: VolumeRecord, { generation }: MarkedHeader, signal: AbortSignal): Promise<void> {
    if (record.generation !== generation) await this.#parts.records.noteGeneration(record, generation, signal);
  }

  async #changeKey(
    { headerFile, header, store }: { headerFile: string; header: VolumeHeader; store: HeaderStore },
    { current, next }: { current: VolumeKey; next: VolumeKey },
    signal: AbortSignal,
  ): Promise<void> {
    const { cryptsetup } = this.#parts.kernel;
    const { number } = header.slot;
    const keys = { current: current.key, next: next.key };
    if (!(await cryptsetup.addKey(headerFile, 1 - number, keys, signal))) throw keyRefused(header);
    const token = volumeToken(next.generation, header.integrity);
    await cryptsetup.importToken(headerFile, token, { replace: true }, signal);
    await cryptsetup.killSlot(headerFile, number, signal);
    await store.commitCopy(header, next);
  }

  async #carryOut(plan: VolumePlan, work: Work, signal: AbortSignal): Promise<Mapping> {
    const { records } = this.#parts;
    switch (plan.kind) {
      case "new": {
        if (work.volume.readOnly) throw new CsiError("unsupported", "Format volume failed: got a read-only volume");
        const uuid = this.#parts.newUuid();
        const record = await records.beginFormatting(work.record, uuid, signal);
        return await this.#format(uuid, { ...work, record }, signal);
      }
      case "format":
        return await this.#format(plan.uuid, work, signal);
      case "finish":
        return await this.#finish(plan.header, work, signal);
      case "adopt":
        await records.record(work.record, plan.header.uuid, plan.header.generation, signal);
        return await this.#openMapping(plan.header, work, signal);
      case "open":
        // A clone that was put in its place, or a change of the key that was cut off before it was noted.
        await this.#note(work.record, plan.header, signal);
        return await this.#openMapping(plan.header, work, signal);
    }
  }

  async #format(uuid: string, work: Work, signal: AbortSignal): Promise<Mapping> {
    const { kernel } = this.#parts;
    const { integrity } = work.record;
    const device = work.volume.names.vendorDevice;
    const generation = await this.#withKey(uuid, 0, signal, async (volumeKey) => {
      await kernel.cryptsetup.format({ device, uuid, integrity }, volumeKey.key, signal);
      const area = await work.store.readDevice();
      const header = checkHeader(area);
      await work.store.withCopy(area, header, async (headerFile) => {
        const token = volumeToken(volumeKey.generation, integrity);
        await kernel.cryptsetup.importToken(headerFile, token, { replace: false }, signal);
        await work.store.commitCopy({ ...header, uuid }, volumeKey);
      });
      return volumeKey.generation;
    });
    const head = await work.store.readDevice();
    return await this.#finish({ ...checkHeader(head), generation }, { ...work, head }, signal);
  }

  /** Opens what was just formatted, fills it, and only then notes that it may be used. */
  async #finish(header: MarkedHeader, work: Work, signal: AbortSignal): Promise<Mapping> {
    const mapping = await this.#openMapping(header, work, signal);
    try {
      await this.#fill(mapping, header, work.volume, signal);
      await this.#parts.records.record(work.record, header.uuid, header.generation, signal);
      return mapping;
    } catch (error) {
      await this.#parts.kernel.cryptsetup.close(work.volume.names.mapping, signal);
      throw error;
    }
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
    }
    if (volume.fileSystem === undefined) return;
    const { program, args } = makeFileSystem(parseFileSystem(volume.fileSystem, { integrity }), { integrity });
    await kernel.makeFileSystem(program, [...args, path], signal);
  }

  async #openMapping(header: MarkedHeader, { volume, store, head }: Work, signal: AbortSignal): Promise<Mapping> {
    const { kernel } = this.#parts;
    const { names, readOnly } = volume;
    await this.#withKey(header.uuid, header.generation, signal, ({ key }) =>
      store.withCopy(head, header, async (headerFile) => {
        if (!readOnly) await store.repair(head, header);
        const options = { device: names.vendorDevice, headerFile, name: names.mapping, readOnly };
        if (!(await kernel.cryptsetup.open(options, key, signal))) throw keyRefused(header);
      }),
    );
    const mapping = await kernel.mapping(names.mapping);
    if (mapping !== undefined) return mapping;
    throw new CsiError("kernel", "Open volume failed: got no mapping from cryptsetup, wanted one");
  }

  async #openHeader(
    names: VolumeNames,
    mapping: Mapping,
  ): Promise<{ store: HeaderStore; area: Uint8Array; header: MarkedHeader }> {
    const store = new HeaderStore(this.#parts.kernel.files, names);
    await this.#requireDevice(names);
    const area = await store.readDevice();
    const header = checkHeader(area);
    if (header.uuid !== mapping.luksUuid || header.generation === undefined) {
      const got = `LUKS UUID "${header.uuid}"`;
      throw new CsiError("volume_swapped", `Read header failed: got ${got}, wanted that of the open volume`);
    }
    return { store, area, header: { ...header, generation: header.generation } };
  }

  /** What the vendor published must be a device node. @returns its `major:minor` */
  async #requireDevice({ vendorDevice }: VolumeNames): Promise<string> {
    const status = await this.#parts.kernel.files.status(vendorDevice);
    if (status?.kind === "block" && status.device !== undefined) return status.device;
    const got = status?.kind ?? "nothing";
    throw new CsiError("vendor_device", `Open volume failed: got ${got} from the vendor, wanted a block device`);
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
    return { head, headBlank, tailBlank };
  }

  async #withKey<T>(
    uuid: string,
    generation: number,
    signal: AbortSignal,
    use: (volumeKey: VolumeKey) => Promise<T>,
  ): Promise<T> {
    return await withVolumeKey(await this.#parts.keys.get(uuid, generation, signal), use);
  }
}

type MarkedHeader = VolumeHeader & { readonly generation: number };

interface Work {
  readonly volume: OpenVolume;
  readonly record: VolumeRecord;
  readonly store: HeaderStore;
  readonly head: Uint8Array;
}

/** Whether an open mapping is what the record says. @throws CsiError `volume_swapped` if it is another volume's */
function isOnRecord(mapping: Mapping, record: VolumeRecord, device: string, volume: OpenVolume): boolean {
  if (record.uuid === undefined || mapping.below !== device) return false;
  if (mapping.luksUuid !== record.uuid) {
    const got = `LUKS UUID "${mapping.luksUuid}"`;
    throw new CsiError("volume_swapped", `Open volume failed: got ${got}, wanted "${record.uuid}"`);
  }
  return mapping.readOnly === volume.readOnly;
}

function keyRefused({ uuid, generation }: VolumeHeader): CsiError {
  return new CsiError(
    "key_refused",
    `Open volume failed: got a header that the key of "volume/${uuid}", generation "${generation}", does not open`,
  );
}
