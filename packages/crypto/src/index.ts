export { type HashName, digest } from "./digest.ts";
export { CryptoError, type CryptoErrorCode } from "./error.ts";
export type { CryptoProvider, PlainScheme } from "./provider.ts";
export { type PssParameters, readPssParameters } from "./pss-parameters.ts";
export { type EcCurve, ecPublicKey, importSpki, type PublicKey, rsaPublicKey } from "./public-key.ts";
export { ecSpki, rsaSpki } from "./spki-writer.ts";
export { type SignatureHash, type SignatureScheme, verifySignature } from "./verify-signature.ts";
