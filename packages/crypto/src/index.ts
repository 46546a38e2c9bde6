export { type HashName, digest } from "./digest.ts";
export { CryptoError, type CryptoErrorCode } from "./error.ts";
export { type EcCurve, ecPublicKey, importSpki, type PublicKey, rsaPublicKey } from "./public-key.ts";
export { rsaSpki } from "./rsa-spki.ts";
export { type SignatureScheme, verifySignature } from "./verify-signature.ts";
