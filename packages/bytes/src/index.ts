export { base64, fromBase64 } from "./base64.ts";
export { fromLatin1, fromUtf16le, latin1, utf16le } from "./code-units.ts";
export { concat } from "./concat.ts";
export { Cursor } from "./cursor.ts";
export { equalConstantTime } from "./equal.ts";
export { BytesError, type BytesErrorCode } from "./error.ts";
export { fromHex, hex } from "./hex.ts";
export { fromUtf8, utf8 } from "./utf8.ts";
