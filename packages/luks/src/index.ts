export { type CopyName, copyOffset, HEADER_SIZE_BYTES, replaceCopy } from "./binary-header.ts";
export { Cryptsetup, type FormatOptions, type OpenOptions } from "./cryptsetup.ts";
export { LuksError, type LuksErrorCode } from "./errors.ts";
export { type DiskContent, HEADER_AREA_BYTES, inspectDisk, validateHeader } from "./header.ts";
export { type LeftOvers, removeLeftOvers } from "./left-overs.ts";
export { type AcceptedMetadata, AREA_OFFSETS, AREA_SIZE_BYTES, stateDiskToken } from "./metadata.ts";
export {
  freeArea,
  isUnfinishedFormat,
  type Range,
  repairOrder,
  validateVolumeHeader,
  VOLUME_HEADER_BYTES,
  type VolumeHeader,
  wholeHeader,
  writeOrder,
} from "./volume-header.ts";
export { type VolumeMetadata, type VolumeSlot, volumeToken } from "./volume-metadata.ts";
