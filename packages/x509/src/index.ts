export {
  type AlgorithmIdentifier,
  type Certificate,
  parseCertificate,
  spkiDer,
  subjectAltNameUris,
} from "./certificate.ts";
export { X509Error, type X509ErrorCode } from "./error.ts";
export type { BasicConstraints, Extension, KeyUsage } from "./extensions.ts";
export type { GeneralName } from "./general-name.ts";
export type { Name } from "./name.ts";
export { derToPem, pemToDer } from "./pem.ts";
export { publicKeyOf } from "./public-key.ts";
export { type ChainInput, verifyChain } from "./verify-chain.ts";
export { verifySignature } from "./verify-signature.ts";
