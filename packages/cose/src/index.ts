export {
  type CborArray,
  type CborKey,
  type CborLimits,
  type CborMap,
  type CborValue,
  DEFAULT_CBOR_LIMITS,
  parseCbor,
} from "./cbor.ts";
export { CoseError, type CoseErrorCode } from "./error.ts";
export { HEADER, parseSign1, type Sign1 } from "./sign1.ts";
export { algorithmIdentifier, type CoseAlgorithm, verifySign1 } from "./verify-sign1.ts";
