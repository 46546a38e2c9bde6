/** For tests of programs that use a KMS. */
export { memoryKms, type MemoryKms } from "./memory-kms.ts";
export { PyKmip } from "./pykmip.ts";
