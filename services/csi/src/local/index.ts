export { createLocalDriver, type LocalDriver, type LocalDriverOptions, type LocalDriverPorts } from "./driver.ts";
export { DRIVER_NAME, INTEGRITY_ATTRIBUTE, TOPOLOGY_KEY } from "./names.ts";
export type { NodeSystem } from "./system.ts";
