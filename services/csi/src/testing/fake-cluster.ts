import { createHash } from "node:crypto";
import { DataKey } from "@constellation/keys";
import { CsiError } from "../errors.ts";
import type { VolumeKeys } from "../keys/volume-keys.ts";
import { mappingOf } from "../volume/names.ts";
import type { VolumeRecord, VolumeRecords } from "../volume/record.ts";
import type { Effects } from "./effects.ts";

/** Records of volumes in memory, kept over deaths of the process. */
export class FakeRecords implements VolumeRecords {
  readonly records = new Map<string, VolumeRecord>();
  readonly #effects: Effects;
  readonly #driver: string;

  constructor(effects: Effects, driver = "vendor.example") {
    this.#effects = effects;
    this.#driver = driver;
  }

  async find(_driver: string, volumeId: string): Promise<VolumeRecord> {
    this.#effects.requireLife();
    const found = this.records.get(volumeId);
    if (found === undefined) throw new CsiError("record_missing", "Find record failed: got none");
    return found;
  }

  async findByMapping(mapping: string): Promise<VolumeRecord> {
    const volumeId = [...this.records.keys()].find((id) => mappingOf(this.#driver, id) === mapping);
    return await this.find(this.#driver, volumeId ?? "");
  }

  beginFormatting(record: VolumeRecord, uuid: string): Promise<VolumeRecord> {
    return this.#put(record, { ...record, formatting: uuid });
  }

  record(record: VolumeRecord, uuid: string, generation: number): Promise<VolumeRecord> {
    return this.#put(record, { ...record, uuid, formatting: undefined, generation });
  }

  noteGeneration(record: VolumeRecord, generation: number): Promise<VolumeRecord> {
    return this.#put(record, { ...record, generation });
  }

  async #put(before: VolumeRecord, after: VolumeRecord): Promise<VolumeRecord> {
    const next = { ...after, resourceVersion: String(Number(before.resourceVersion) + 1) };
    const found = this.records.get(after.name);
    if (found?.resourceVersion !== before.resourceVersion) {
      throw new CsiError("record_conflict", "Write record failed: got a change by another");
    }
    this.#effects.apply(() => this.records.set(after.name, next));
    return next;
  }
}

/** Keys by a hash of UUID and generation. */
export class FakeKeys implements VolumeKeys {
  current = 1;
  readonly given: DataKey[] = [];

  async get(uuid: string, generation: number): Promise<{ key: DataKey; generation: number }> {
    const used = generation === 0 ? this.current : generation;
    if (used > this.current) throw new CsiError("key_unavailable", "Get volume key failed: got no such generation");
    const key = new DataKey(new Uint8Array(createHash("sha256").update(`${uuid} ${used}`).digest()));
    this.given.push(key);
    return { key, generation: used };
  }
}
