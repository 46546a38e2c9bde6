/**
 * The mathematics of `@constellation/crypto` in a browser: WebCrypto for keys and signatures, a library for hashes.
 * Bundles with the condition `browser` have it as `#provider`; judgements then run in {@link settle}.
 */
export { WebCryptoError, type WebCryptoErrorCode } from "./error.ts";
export { provider } from "./provider.ts";
export { MAX_QUESTIONS, settle } from "./settle.ts";
