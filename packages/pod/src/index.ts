export {
  type Endpoint,
  FlagError,
  type FlagDefaults,
  type Flags,
  parseEndpoint,
  parseFlags,
  parseSeconds,
} from "./flags.ts";
export { type HealthOptions, serveHealth } from "./health.ts";
export { createLog, describeError, type Log, type LogFields, type LogParts, type LogValue } from "./log.ts";
export { mountedSecretNames, readMountedSecret } from "./mounted-secret.ts";
export { type Counter, type Histogram, type Labels, Metrics } from "./metrics.ts";
export { type Closeable, runPod } from "./run.ts";
