import {
  GENERATION_ANNOTATIONS,
  VOLUME_FORMATTING_ANNOTATION,
  VOLUME_UUID_ANNOTATION,
} from "@constellation/cluster-state";
import { type KubeApi, KubeError } from "@constellation/kube/in-cluster";
import { CsiError } from "../errors.ts";
import { CLASSES, type PersistentVolume, VOLUMES } from "./kube-types.ts";
import { mappingOf } from "./names.ts";
import { INTEGRITY_ANNOTATION, type VolumeRecord, type VolumeRecords } from "./record.ts";

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const GENERATION = /^[1-9][0-9]{0,9}$/;

/** Writes that may meet a change by another before it counts as a failure. */
const ATTEMPTS = 5;

/** Records of volumes in annotations of their PersistentVolumes. */
export class KubeRecords implements VolumeRecords {
  readonly #api: Pick<KubeApi, "resources">;

  constructor(api: Pick<KubeApi, "resources">) {
    this.#api = api;
  }

  find(driver: string, volumeId: string, signal: AbortSignal): Promise<VolumeRecord> {
    const what = `of driver "${driver}" for the volume`;
    return this.#find(what, (csi) => csi.driver === driver && csi.volumeHandle === volumeId, signal);
  }

  findByMapping(mapping: string, signal: AbortSignal): Promise<VolumeRecord> {
    const isIt = (csi: CsiSource): boolean => mappingOf(csi.driver, csi.volumeHandle) === mapping;
    return this.#find(`with the mapping "${mapping}"`, isIt, signal);
  }

  async #find(what: string, isIt: (csi: CsiSource) => boolean, signal: AbortSignal): Promise<VolumeRecord> {
    const { items } = await reaching(() => this.#api.resources(VOLUMES).list({}, signal));
    const found = items.filter(({ spec }) => spec.csi !== undefined && isIt(spec.csi));
    const [volume] = found;
    if (volume === undefined) {
      throw new CsiError("record_missing", `Find record failed: got no PersistentVolume ${what}, wanted one`);
    }
    if (found.length > 1) {
      const names = found.map(({ metadata }) => `"${metadata.name}"`).join(", ");
      throw new CsiError("record_ambiguous", `Find record failed: got PersistentVolumes ${names}, wanted one`);
    }
    return await this.#read(volume, signal);
  }

  beginFormatting(record: VolumeRecord, uuid: string, signal: AbortSignal): Promise<VolumeRecord> {
    return this.#write(record, { [VOLUME_FORMATTING_ANNOTATION]: uuid }, signal);
  }

  record(record: VolumeRecord, uuid: string, generation: number, signal: AbortSignal): Promise<VolumeRecord> {
    const annotations = {
      [VOLUME_UUID_ANNOTATION]: uuid,
      [VOLUME_FORMATTING_ANNOTATION]: null,
      [GENERATION_ANNOTATIONS.volume]: String(generation),
    };
    return this.#write(record, annotations, signal);
  }

  noteGeneration(record: VolumeRecord, generation: number, signal: AbortSignal): Promise<VolumeRecord> {
    return this.#write(record, { [GENERATION_ANNOTATIONS.volume]: String(generation) }, signal);
  }

  /**
   * With the version in it, a patch fails if the object has changed since it was read. Others change other parts of it all
   * the time: then it is read again, and written if what is on record of the volume is still the same.
   */
  async #write(
    record: VolumeRecord,
    annotations: Readonly<Record<string, string | null>>,
    signal: AbortSignal,
  ): Promise<VolumeRecord> {
    const volumes = this.#api.resources(VOLUMES);
    const { name } = record;
    let { resourceVersion } = record;
    for (let attempt = 1; ; attempt += 1) {
      const patch = { metadata: { resourceVersion, annotations } };
      try {
        return await this.#read(await reaching(() => volumes.patch({ name }, patch, signal)), signal);
      } catch (error) {
        if (!(error instanceof CsiError) || error.code !== "record_conflict" || attempt === ATTEMPTS) throw error;
        const found = await this.#read(await reaching(() => volumes.get({ name }, signal)), signal);
        if (found.uuid !== record.uuid || found.formatting !== record.formatting) throw error;
        resourceVersion = found.resourceVersion;
      }
    }
  }

  async #read(volume: PersistentVolume, signal: AbortSignal): Promise<VolumeRecord> {
    const { name, resourceVersion = "", annotations = {} } = volume.metadata;
    return {
      name,
      resourceVersion,
      uuid: uuidOf(name, VOLUME_UUID_ANNOTATION, annotations),
      formatting: uuidOf(name, VOLUME_FORMATTING_ANNOTATION, annotations),
      generation: generationOf(annotations),
      integrity: await this.#wantsIntegrity(volume, signal),
    };
  }

  /** Asked for by the volume's annotation or attribute, or by the annotation of its class. */
  async #wantsIntegrity({ metadata, spec }: PersistentVolume, signal: AbortSignal): Promise<boolean> {
    const own = metadata.annotations?.[INTEGRITY_ANNOTATION] ?? spec.csi?.volumeAttributes?.[INTEGRITY_ANNOTATION];
    if (own !== undefined) return flag(metadata.name, own);
    if (spec.storageClassName === undefined || spec.storageClassName === "") return false;
    const name = spec.storageClassName;
    try {
      const { annotations } = (await this.#api.resources(CLASSES).get({ name }, signal)).metadata;
      return flag(name, annotations?.[INTEGRITY_ANNOTATION] ?? "false");
    } catch (error) {
      // A class may go while its volumes stay, and a volume made by hand may name one that never was.
      if (error instanceof KubeError && error.code === "not_found") return false;
      throw error instanceof KubeError ? unavailable(error) : error;
    }
  }
}

type CsiSource = NonNullable<PersistentVolume["spec"]["csi"]>;

/** Nothing depends on it here: other text is written over, and no reason to refuse a volume. */
function generationOf(annotations: Readonly<Record<string, string>>): number | undefined {
  const text = annotations[GENERATION_ANNOTATIONS.volume] ?? "1";
  return GENERATION.test(text) ? Number(text) : undefined;
}

function flag(name: string, text: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw new CsiError(
    "record_missing",
    `Read record failed: ${INTEGRITY_ANNOTATION} of "${name}": got ${JSON.stringify(text)}, wanted "true" or "false"`,
  );
}

function uuidOf(name: string, key: string, annotations: Readonly<Record<string, string>>): string | undefined {
  const text = annotations[key];
  if (text === undefined || UUID.test(text)) return text;
  throw new CsiError(
    "record_missing",
    `Read record failed: ${key} of "${name}": got ${JSON.stringify(text)}, wanted a UUID in lower case`,
  );
}

async function reaching<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw error instanceof KubeError ? unavailable(error) : error;
  }
}

function unavailable(cause: KubeError): CsiError {
  const code = cause.code === "conflict" ? "record_conflict" : "record_unavailable";
  return new CsiError(code, `Reach record failed: ${cause.message}`, { cause });
}
