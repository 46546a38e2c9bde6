/** Annotation of a StorageClass or PersistentVolume: "true" for authenticated encryption. */
export const INTEGRITY_ANNOTATION = "csi.constellation.internal/integrity";

/** What the cluster has on record for a volume; storage can't write it (T5). */
export interface VolumeRecord {
  /** Name of the PersistentVolume. */
  readonly name: string;
  readonly resourceVersion: string;
  /** UUID of the header that it has. */
  readonly uuid: string | undefined;
  /** UUID that its header is to have, while formatting is under way. */
  readonly formatting: string | undefined;
  /** Generation that its key is said to be of, for who follows a rotation; the header decides. Undefined for other text. */
  readonly generation: number | undefined;
  /** Whether authenticated encryption is asked for. */
  readonly integrity: boolean;
}

/** Records of volumes, kept by the API server. All throw CsiError. */
export interface VolumeRecords {
  /** @throws CsiError `record_missing` if no PersistentVolume names the volume, `record_ambiguous` if several do */
  find(driver: string, volumeId: string, signal: AbortSignal): Promise<VolumeRecord>;
  /** Of the volume that has this mapping. @throws CsiError as `find` */
  findByMapping(mapping: string, signal: AbortSignal): Promise<VolumeRecord>;
  /** Notes that formatting begins. @throws CsiError `record_conflict` if the record has changed */
  beginFormatting(record: VolumeRecord, uuid: string, signal: AbortSignal): Promise<VolumeRecord>;
  /** Notes the volume's UUID and generation, and that no formatting is under way. @throws CsiError `record_conflict` */
  record(record: VolumeRecord, uuid: string, generation: number, signal: AbortSignal): Promise<VolumeRecord>;
  /** Notes the generation alone. @throws CsiError `record_conflict` */
  noteGeneration(record: VolumeRecord, generation: number, signal: AbortSignal): Promise<VolumeRecord>;
}

/** Notes the generation of a header where the record says another. @throws CsiError `record_conflict` */
export async function noteGeneration(
  records: VolumeRecords,
  record: VolumeRecord,
  { generation }: { readonly generation: number },
  signal: AbortSignal,
): Promise<void> {
  if (record.generation !== generation) await records.noteGeneration(record, generation, signal);
}
