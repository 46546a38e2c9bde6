/** Where a machine's evidence comes from: its kernel, its TPM and its platform's metadata service. */
export { detectPlatform } from "./detect/detect-platform.ts";
export { EvidenceSourceError, type EvidenceSourceErrorCode } from "./error.ts";
export {
  createEvidenceSource,
  DEFAULT_SOURCE_OPTIONS,
  type EvidenceSource,
  type EvidenceSourceOptions,
} from "./evidence-source.ts";
export { DEFAULT_METADATA_OPTIONS, MetadataClient, type MetadataOptions } from "./metadata/metadata-client.ts";
export { type Cloud, getUserData } from "./metadata/user-data.ts";
export type { Clock } from "./system/clock.ts";
export { nodeDependencies, type SourceDependencies } from "./system/dependencies.ts";
export type { Fetch, FetchInit } from "./system/fetch.ts";
export type { HostFiles } from "./system/host-files.ts";
