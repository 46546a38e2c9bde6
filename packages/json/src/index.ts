export { canonicalJson } from "./canonical-json.ts";
export { JsonError, type JsonErrorCode } from "./error.ts";
export { isObject, type JsonObject, memberText, parseStrictJson, parseStrictJsonObject } from "./strict-json.ts";
