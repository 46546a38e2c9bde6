/** Finding out a machine's platform, without the sources of its evidence. */
export { detectPlatform } from "./detect-platform.ts";
export { nodeFiles } from "../system/node-files.ts";
export type { HostFiles } from "../system/host-files.ts";
