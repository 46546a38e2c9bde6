export { nodeCount, parseConfig } from "./config.ts";
export type { Measurements } from "./attestation/sections.ts";
export type { Config, NodeGroup } from "./config-schema.ts";
export { ConfigError, type ConfigErrorCode } from "./errors.ts";
export { type Finding, formatFindings } from "./finding.ts";
export { isHost } from "./formats.ts";
export { type ConfigOptions, generateQemuConfig, staleMeasurements, updateMeasurements } from "./generate-config.ts";
export {
  keyringOf,
  type MasterSecretFile,
  parseMasterSecret,
  serializeMasterSecret,
} from "./master-secret.ts";
export { CLUSTER_PCR, type ImageMeasurements, PCR_COUNT, parseImageMeasurements, ZERO_PCR } from "./measurements.ts";
export { attestationPolicy, attestationVariant, FRESH_NODE, type PolicyPurpose, statedMeasurements } from "./policy.ts";
export { recordedNodes } from "./recorded-nodes.ts";
export { emptyState, parseState, serializeState, withState } from "./state.ts";
export {
  postInitFindings,
  preCreateFindings,
  preInitFindings,
  type StateMode,
  stateMode,
} from "./state-constraints.ts";
export type { Infrastructure, NodeRecord, State } from "./state-schema.ts";
export {
  CONFIG_FILE,
  CONFIG_VERSION,
  MASTER_SECRET_FILE,
  RELEASE_VERSION,
  STATE_FILE,
  STATE_VERSION,
  SUPPORTED_KUBERNETES_VERSIONS,
} from "./constants.ts";
