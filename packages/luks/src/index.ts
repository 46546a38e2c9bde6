export { copyOffset, HEADER_SIZE_BYTES } from "./binary-header.ts";
export { Cryptsetup, type FormatOptions, type OpenOptions } from "./cryptsetup.ts";
export { LuksError, type LuksErrorCode } from "./errors.ts";
export { type AcceptedHeader, type DiskContent, HEADER_AREA_BYTES, inspectDisk, validateHeader } from "./header.ts";
export { STATE_DISK_TOKEN } from "./metadata.ts";
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
export { MAX_GENERATION, type VolumeMetadata, type VolumeSlot, volumeToken } from "./volume-metadata.ts";
