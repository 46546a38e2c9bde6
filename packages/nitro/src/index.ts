export {
  type AttestationDocument,
  type DocumentKind,
  parseDocument,
  type SignedDocument,
} from "./attestation-document.ts";
export type { ValidateCode, VerifyCode } from "./check-code.ts";
export { claimsOf, type DocumentClaims } from "./claims.ts";
export type { DocumentPolicy, OptionalExpectation, TimeExpectation } from "./document-policy.ts";
export { NitroError, type NitroErrorCode } from "./error.ts";
export { openDocumentPolicy } from "./open-policy.ts";
export { isDebug, validateDocument } from "./validate-document.ts";
export { VERIFY_CHECKS, type VerifiedDocument, verifyDocument, type VerifyDocumentInput } from "./verify-document.ts";
