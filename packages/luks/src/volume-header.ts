import { type BinaryHeader, type CopyName, copyOffset, HEADER_SIZE_BYTES, parseBinaryHeader } from "./binary-header.ts";
import { LuksError } from "./errors.ts";
import { areaBytes, FIRST_AREA_OFFSET } from "./sections.ts";
import { validateVolumeMetadata, type VolumeMetadata } from "./volume-metadata.ts";

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SECTOR_BYTES = 512;
const MAGIC = { primary: "4c554b53babe", secondary: "534b554cbabe" } as const;
const UUID_OFFSET = 168;
const UUID_BYTES = 36;

/** A header of an encrypted volume after every check (T7). */
export interface VolumeHeader extends VolumeMetadata {
  readonly uuid: string;
  /** The copy that counts. The other one is damaged or older if `whole` is false: writing was cut off. */
  readonly copy: CopyName;
  readonly whole: boolean;
}

/**
 * Accepts a header of one of the parameter sets of volumes. A change is written to the second copy, then to the first:
 * cut off in between, the newer of two sound copies counts, and the sound one where the other is damaged. A copy that is
 * intact but not as accepted is refused, whatever the other says.
 * @throws LuksError
 */
export function validateVolumeHeader(area: Uint8Array): VolumeHeader {
  const primary = readCopy(area, "primary");
  const secondary = readCopy(area, "secondary");
  if (primary instanceof LuksError) {
    if (secondary instanceof LuksError) throw primary;
    return { ...secondary.accepted, copy: "secondary", whole: false };
  }
  if (secondary instanceof LuksError) return { ...primary.accepted, copy: "primary", whole: false };
  if (primary.uuid !== secondary.uuid) throw new LuksError("uuid", "secondary.uuid", secondary.uuid, primary.uuid);
  const newer = secondary.sequenceId > primary.sequenceId ? secondary : primary;
  if (primary.sequenceId === secondary.sequenceId && primary.json !== secondary.json) {
    throw new LuksError("copies_differ", "header", "two texts", "two equal copies");
  }
  const whole = primary.sequenceId === secondary.sequenceId;
  return { ...newer.accepted, copy: newer === primary ? "primary" : "secondary", whole };
}

/**
 * Both copies as the one that counts has them: what cryptsetup is given where writing was cut off. Where it was not, a
 * plain copy of the area.
 */
export function wholeHeader(area: Uint8Array, header: VolumeHeader): Uint8Array {
  const result = Uint8Array.from(area);
  if (header.whole) return result;
  // The other copy is made invalid; cryptsetup writes it anew from the sound one with its next change.
  const other = header.copy === "primary" ? "secondary" : "primary";
  result.fill(0, copyOffset(other), copyOffset(other) + HEADER_SIZE_BYTES);
  return result;
}

/** Bytes of a header area, from `start` to before `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * In which order a changed header goes to the disk, each range in full before the next: the area of its key slot, which
 * the header before did not use; second copy; first copy; and then the area that is used no more.
 */
export function writeOrder({ slot, integrity }: VolumeMetadata): Range[] {
  const size = areaBytes(integrity);
  const used = { start: slot.areaOffset, end: slot.areaOffset + slot.areaBytes };
  const free = slot.areaOffset === FIRST_AREA_OFFSET ? FIRST_AREA_OFFSET + size : FIRST_AREA_OFFSET;
  const copy = (name: CopyName): Range => ({ start: copyOffset(name), end: copyOffset(name) + HEADER_SIZE_BYTES });
  return [used, copy("secondary"), copy("primary"), { start: free, end: free + size }];
}

/**
 * Whether both places of header copies hold nothing but what formatting with this UUID may have left there, whole or cut
 * off: zeros, or a first sector with the magic number and the UUID.
 */
export function isUnfinishedFormat(area: Uint8Array, uuid: string): boolean {
  return (["primary", "secondary"] as const).every((name) => {
    const copy = area.subarray(copyOffset(name), copyOffset(name) + HEADER_SIZE_BYTES);
    if (copy.every((byte) => byte === 0)) return true;
    const sector = Buffer.from(copy.subarray(0, SECTOR_BYTES));
    const found = sector.subarray(UUID_OFFSET, UUID_OFFSET + UUID_BYTES).toString("latin1");
    return sector.subarray(0, 6).toString("hex") === MAGIC[name] && found === uuid;
  });
}

interface SoundCopy extends BinaryHeader {
  readonly accepted: VolumeMetadata & { readonly uuid: string };
}

/** A copy that is damaged, or accepted. @throws LuksError for one that is intact and not as accepted */
function readCopy(area: Uint8Array, name: CopyName): SoundCopy | LuksError {
  let header: BinaryHeader;
  try {
    header = parseBinaryHeader(area, name);
  } catch (error) {
    if (error instanceof LuksError && (error.code === "magic" || error.code === "checksum")) return error;
    throw error;
  }
  if (!UUID.test(header.uuid)) throw new LuksError("uuid", `${name}.uuid`, header.uuid, "a UUID in lower case");
  return { ...header, accepted: { ...validateVolumeMetadata(header.json), uuid: header.uuid } };
}
