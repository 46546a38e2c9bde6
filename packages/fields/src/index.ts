/** Documents by description: read with all findings at once, and written back. */
export { expectation, minimum } from "./expectation.ts";
export {
  BITS_64,
  blob,
  bytes,
  choice,
  type Field,
  FLAG,
  type Json,
  list,
  nullable,
  object,
  oneOf,
  REASON,
  text,
  TIME,
  type ValueOf,
  whole,
} from "./field.ts";
export { type Finding, isObject, Reader } from "./reader.ts";
export { findingsText, readJson, type ReadDocument, readValue } from "./read-document.ts";
export { shown } from "./shown.ts";
