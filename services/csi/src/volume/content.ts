import { isUnfinishedFormat, LuksError, validateVolumeHeader, type VolumeHeader } from "@constellation/luks";
import { CsiError } from "../errors.ts";
import type { VolumeRecord } from "./record.ts";

/** A header with its token, which it gets when formatting ends. */
export type MarkedHeader = VolumeHeader & { readonly generation: number };

/** What is to be done with a device. */
export type VolumePlan =
  /** Blank and never used: note the UUID, then format. */
  | { readonly kind: "new" }
  /** Formatting was begun and not ended: do it, or do it again. */
  | { readonly kind: "format"; readonly uuid: string }
  /**
   * A whole header of ours, not on record: a clone, a restored snapshot, a volume whose PersistentVolume was made anew, or
   * one whose formatting ended and could not be noted.
   */
  | { readonly kind: "adopt"; readonly header: MarkedHeader }
  /** The header that is on record. */
  | { readonly kind: "open"; readonly header: MarkedHeader };

/** What a device shows of itself. */
export interface DeviceEnds {
  /** What of the header area is used. */
  readonly head: Uint8Array;
  /** Whether the first 16 MiB are zeros: header area and key slots. */
  readonly headBlank: boolean;
  /** Whether the last 16 MiB are. */
  readonly tailBlank: boolean;
  readonly sizeBytes: number;
}

/**
 * Decides what a device is, fail-closed. Storage is hostile: it may show another volume, an older one, a blank one; and the
 * record may be older than the device, after a backup of etcd was put back. A device is formatted only if both its ends
 * are blank and nothing is on record; or if the record says that formatting was begun, and the device that it was not
 * ended: the header gets its token last, once the volume is filled. What formatting may have left before it fills the
 * volume has a blank end.
 * @throws CsiError `volume_swapped`, `volume_blank`, `volume_foreign`, `header_refused`, `integrity_missing`
 */
export function planVolume(record: VolumeRecord, ends: DeviceEnds): VolumePlan {
  const plan = record.uuid === undefined ? planUnrecorded(record, ends) : planRecorded(record.uuid, ends);
  if (record.integrity && "header" in plan && !plan.header.integrity) {
    throw new CsiError(
      "integrity_missing",
      `Open volume "${record.name}" failed: got a header without integrity, wanted one with integrity`,
    );
  }
  return plan;
}

function planRecorded(uuid: string, ends: DeviceEnds): VolumePlan {
  if (ends.headBlank) {
    throw new CsiError("volume_blank", `Open volume failed: got a blank device, wanted LUKS UUID "${uuid}"`);
  }
  const header = marked(readHeader(ends.head));
  requireUuid(header, uuid);
  return { kind: "open", header };
}

function planUnrecorded(record: VolumeRecord, { head, headBlank, tailBlank }: DeviceEnds): VolumePlan {
  const { formatting } = record;
  if (formatting === undefined) {
    if (headBlank && tailBlank) return { kind: "new" };
    if (!hasHeader(head)) throw foreign("data that is not ours");
    return { kind: "adopt", header: marked(readHeader(head)) };
  }
  const header = hasHeader(head) ? tryHeader(head) : undefined;
  if (header?.generation !== undefined) {
    requireUuid(header, formatting);
    return { kind: "adopt", header: marked(header) };
  }
  if (isUnfinishedFormat(head, formatting) && (tailBlank || header !== undefined)) {
    return { kind: "format", uuid: formatting };
  }
  throw foreign("other data where formatting was begun");
}

/** Takes a header for one with its token. @throws CsiError `header_refused` */
export function marked(header: VolumeHeader): MarkedHeader {
  const { generation } = header;
  if (generation !== undefined) return { ...header, generation };
  throw new CsiError(
    "header_refused",
    "Open volume failed: got a header whose formatting was cut off, wanted a whole one",
  );
}

function requireUuid({ uuid }: VolumeHeader, wanted: string): void {
  if (uuid === wanted) return;
  throw new CsiError("volume_swapped", `Open volume failed: got LUKS UUID "${uuid}", wanted "${wanted}"`);
}

function readHeader(head: Uint8Array): VolumeHeader {
  try {
    return validateVolumeHeader(head);
  } catch (cause) {
    if (!(cause instanceof LuksError)) throw cause;
    throw new CsiError("header_refused", `Open volume failed: ${cause.message}`, { cause });
  }
}

function tryHeader(head: Uint8Array): VolumeHeader | undefined {
  try {
    return validateVolumeHeader(head);
  } catch (error) {
    if (error instanceof LuksError) return undefined;
    throw error;
  }
}

/** Whether either copy shows LUKS2's magic number, sound or not. */
function hasHeader(head: Uint8Array): boolean {
  const at = (offset: number): string => Buffer.from(head.subarray(offset, offset + 6)).toString("latin1");
  return at(0) === "LUKS\xba\xbe" || at(16384) === "SKUL\xba\xbe";
}

function foreign(got: string): CsiError {
  return new CsiError("volume_foreign", `Format volume failed: got ${got}, wanted a blank device`);
}
