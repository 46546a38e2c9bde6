/** Real and fake authorities for tests. */
export type { PeSectionSpec, PeSpec } from "./pe.ts";
export { buildPe, PE_OFFSETS } from "./pe.ts";
export { findSwtpm, Swtpm } from "./swtpm.ts";
export type { ToolCommand } from "./tool.ts";
export { findTool } from "./tool.ts";
