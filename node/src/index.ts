export { NodeError, type NodeErrorCode } from "./errors.ts";
export { HEADER_AREA_BYTES, inspectDisk, validateHeader } from "./luks/header.ts";
export { LuksError, type LuksErrorCode } from "./luks/errors.ts";
