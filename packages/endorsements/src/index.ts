/** What evidence is verified with, from its vendors: over the network through a cache, or from a bundle. */
export type { Bundle, BundledAuthority, BundledCollateral, BundledVcek } from "./bundle/bundle.ts";
export { bundleSource } from "./bundle/bundle-source.ts";
export { type BundleDescription, type BundlePart, describeBundle } from "./bundle/describe.ts";
export { MAX_BUNDLE_BYTES, readBundle, writeBundle } from "./bundle/document.ts";
export { gatherBundle, type Platforms } from "./bundle/gather.ts";
export type { CachingOptions, NetworkDependencies, Notice } from "./cache/caching-client.ts";
export { FileStore } from "./cache/file-store.ts";
export { MemoryStore } from "./cache/memory-store.ts";
export { type EndorsementStore, MAX_ENTRY_BYTES } from "./cache/store.ts";
export { EndorsementError, type EndorsementErrorCode } from "./error.ts";
export { createFetch, type Fetch, type FetchInit, type FetchOptions } from "./http/fetch.ts";
export { DEFAULT_LIMITS, type Limits } from "./http/limits.ts";
export { DEFAULT_NETWORK_OPTIONS, type NetworkOptions, networkSource } from "./network-source.ts";
export { nodeDependencies, type NodeOptions } from "./node-dependencies.ts";
export type { EndorsementSource, PckCa, SevSnpEndorsements, SevSnpPlatform, TdxPlatform } from "./source.ts";
export { AMD_KDS } from "./vendor/kds.ts";
export { INTEL_PCS, pccs, type PcsService, type TcbEvaluation } from "./vendor/pcs.ts";
