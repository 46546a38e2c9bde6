export { DEFAULT_LIMITS, type DerElement, type DerLimits, parseDer } from "./element.ts";
export { DerError, type DerErrorCode } from "./error.ts";
export { readOid } from "./oid.ts";
export { expectTag, explicit, Members, sequence, setOf } from "./structure.ts";
export { contextConstructed, contextPrimitive, TAG } from "./tag.ts";
export { readIa5, readText } from "./text.ts";
export { readTime } from "./time.ts";
export {
  type BitString,
  readBitString,
  readBitStringBytes,
  readBoolean,
  readCount,
  readInteger,
  readIntegerBytes,
  readNamedBits,
  readNull,
  readOctetString,
} from "./values.ts";
