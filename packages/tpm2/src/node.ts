/** TPM 2.0 with node:crypto: software credentials, keys, and quote verification. */
export { publicKeyOf } from "./key-object.ts";
export type { MakeCredentialOptions } from "./make-credential.ts";
export { makeCredential } from "./make-credential.ts";
export type { VerifyQuoteOptions } from "./verify-quote.ts";
export { requireAttestationKey, verifyQuote } from "./verify-quote.ts";
export { pcrPolicyDigest, type SealedObject } from "./sealed-object.ts";
export { sealToPcrs, type SealingOptions, unsealFromPcrs } from "./sealing.ts";
