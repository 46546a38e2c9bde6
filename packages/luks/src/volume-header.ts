import {
  type BinaryHeader,
  computeChecksum,
  type CopyName,
  copyOffset,
  HEADER_SIZE_BYTES,
  parseBinaryHeader,
} from "./binary-header.ts";
import { LuksError } from "./errors.ts";
import { areaBytes, FIRST_AREA_OFFSET } from "./sections.ts";
import { validateVolumeMetadata, type VolumeMetadata } from "./volume-metadata.ts";

/** What of a volume's header area is used: header copies and both places of the key slot. The rest is blank. */
export const VOLUME_HEADER_BYTES = 1024 * 1024;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SECTOR_BYTES = 512;
const MAGIC = { primary: "4c554b53babe", secondary: "534b554cbabe" } as const;
const UUID_OFFSET = 168;
const UUID_BYTES = 36;
const HDR_OFFSET = 256;
const CHECKSUM_OFFSET = 448;
const CHECKSUM_BYTES = 64;

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
 * The header with nothing of what was there before: both copies as the one that counts has them, and zeros where the key
 * slot could be and is not.
 */
export function wholeHeader(area: Uint8Array, header: VolumeHeader): Uint8Array {
  const result = Uint8Array.from(area);
  const { start, end } = freeArea(header);
  result.fill(0, start, end);
  if (header.whole) return result;
  const other = otherCopy(header.copy);
  const from = copyOffset(header.copy);
  const copy = result.slice(from, from + HEADER_SIZE_BYTES);
  copy.set(Buffer.from(MAGIC[other], "hex"));
  new DataView(copy.buffer).setBigUint64(HDR_OFFSET, BigInt(copyOffset(other)));
  copy.set(new Uint8Array(CHECKSUM_BYTES), CHECKSUM_OFFSET);
  copy.set(computeChecksum(copy), CHECKSUM_OFFSET);
  result.set(copy, copyOffset(other));
  return result;
}

/** The place of the key slot that it does not have. */
export function freeArea({ slot, integrity }: VolumeMetadata): Range {
  const size = areaBytes(integrity);
  const start = slot.areaOffset === FIRST_AREA_OFFSET ? FIRST_AREA_OFFSET + size : FIRST_AREA_OFFSET;
  return { start, end: start + size };
}

/** What to write, in this order, of a header that `wholeHeader` gave: what was left undone of a change. */
export function repairOrder(header: VolumeHeader): Range[] {
  return [...(header.whole ? [] : [copyRange(otherCopy(header.copy))]), freeArea(header)];
}

/** Bytes of a header area, from `start` to before `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * In which order a changed header goes to the disk, each range in full before the next: the area of its key slot, which
 * the header before did not use; the copy that does not count, which is the second one of two that both would; the other
 * copy; and then the area that is used no more. Cut off anywhere, either header is there with its key slot.
 *
 * @param before the header that the disk has
 */
export function writeOrder(header: VolumeMetadata, before: VolumeHeader): Range[] {
  const { areaOffset, areaBytes: size } = header.slot;
  const last = before.whole ? "primary" : before.copy;
  return [{ start: areaOffset, end: areaOffset + size }, copyRange(otherCopy(last)), copyRange(last), freeArea(header)];
}

function copyRange(name: CopyName): Range {
  return { start: copyOffset(name), end: copyOffset(name) + HEADER_SIZE_BYTES };
}

function otherCopy(name: CopyName): CopyName {
  return name === "primary" ? "secondary" : "primary";
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
