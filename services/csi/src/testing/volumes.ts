/** The layer's way with one volume, for programs that measure it: the real code, and what stands for the cluster. */
export { Kernel } from "../kernel/kernel.ts";
export type { Mapping } from "../kernel/mappings.ts";
export { nodeFiles } from "../kernel/node-files.ts";
export { LoopDevices } from "../local/loop-devices.ts";
export { type NodeSystem, nodeSystem } from "../local/system.ts";
export { EncryptedVolumes } from "../volume/encrypted-volume.ts";
export { makeFileSystem, mountFlags, parseFileSystem } from "../volume/file-systems.ts";
export { Effects } from "./effects.ts";
export { FakeKeys, FakeRecords } from "./fake-cluster.ts";
