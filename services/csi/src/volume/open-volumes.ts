import { volumeToken } from "@constellation/luks";
import { CsiError } from "../errors.ts";
import { type VolumeKey, withVolumeKey } from "../keys/volume-keys.ts";
import type { Mapping } from "../kernel/mappings.ts";
import { type MarkedHeader, marked } from "./content.ts";
import { requireDevice } from "./device.ts";
import type { EncryptedVolumeParts } from "./encrypted-volume.ts";
import { checkHeader, HeaderStore, keyRefused } from "./header-store.ts";
import type { VolumeNames } from "./names.ts";
import { noteGeneration } from "./record.ts";

/** A header as the device has it now. */
interface ReadHeader {
  readonly store: HeaderStore;
  readonly area: Uint8Array;
  readonly header: MarkedHeader;
}

/** What is done with volumes while they are open. As `EncryptedVolumes`, each method can be cut off and run again. */
export class OpenVolumes {
  readonly #parts: Pick<EncryptedVolumeParts, "kernel" | "records" | "keys">;

  constructor(parts: Pick<EncryptedVolumeParts, "kernel" | "records" | "keys">) {
    this.#parts = parts;
  }

  /** Lets a volume be as large as its device has become. @throws CsiError */
  async resize(names: VolumeNames, mapping: Mapping, signal: AbortSignal): Promise<void> {
    const { kernel, keys } = this.#parts;
    const { store, area, header } = await this.#readHeader(names, mapping);
    await withVolumeKey(await keys.get(header.uuid, header.generation, signal), ({ key }) =>
      store.withCopy(area, header, async (headerFile) => {
        if (!(await kernel.cryptsetup.resize(names.mapping, headerFile, key, signal))) throw keyRefused(header);
      }),
    );
  }

  /**
   * Gives a volume's header the key of the current generation, if it has an older one. All work is on the copy in
   * memory: a slot with the new key, the token, the old slot removed. The device then changes from the old header with
   * its slot to the new one with its own, in one write of a sound copy.
   * @returns the generations, or undefined if there was nothing to do
   */
  async rekey(
    names: VolumeNames,
    mapping: Mapping,
    signal: AbortSignal,
  ): Promise<{ from: number; to: number } | undefined> {
    const { kernel, keys } = this.#parts;
    const read = await this.#readHeader(names, mapping);
    const { store, area, header } = read;
    return await withVolumeKey(await keys.get(header.uuid, 0, signal), async (next) => {
      if (next.generation <= header.generation) {
        await store.repair(area, header);
        await kernel.files.remove(names.headerFile);
        return undefined;
      }
      await withVolumeKey(await keys.get(header.uuid, header.generation, signal), (current) =>
        store.withCopy(area, header, (headerFile) => this.#changeKey(read, headerFile, { current, next }, signal)),
      );
      return { from: header.generation, to: next.generation };
    });
  }

  /** Has the record say of which generation a volume's key is. */
  async noteGeneration(names: VolumeNames, mapping: Mapping, signal: AbortSignal): Promise<void> {
    const { records } = this.#parts;
    const { header } = await this.#readHeader(names, mapping);
    await noteGeneration(records, await records.findByMapping(names.mapping, signal), header, signal);
  }

  async #changeKey(
    { store, header }: ReadHeader,
    headerFile: string,
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
    await store.commit(await store.readCopy(header, next));
  }

  async #readHeader(names: VolumeNames, mapping: Mapping): Promise<ReadHeader> {
    const { kernel } = this.#parts;
    const store = new HeaderStore(kernel.files, names);
    await requireDevice(kernel, names);
    const area = await store.readDevice();
    const header = marked(checkHeader(area));
    if (header.uuid !== mapping.luksUuid) {
      const got = `LUKS UUID "${header.uuid}"`;
      throw new CsiError("volume_swapped", `Read header failed: got ${got}, wanted that of the open volume`);
    }
    return { store, area, header };
  }
}
