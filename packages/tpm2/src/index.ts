/** TPM 2.0: structures, and commands over an injected transport. What needs node:crypto is in `@constellation/tpm2/node`. */
export type { ClockInfo, QuoteAttest } from "./attest.ts";
export { parseQuoteAttest, serializeQuoteAttest } from "./attest.ts";
export type { Authorization, Command } from "./command.ts";
export type { Capabilities, CapabilityData } from "./commands/administration.ts";
export type { Quote } from "./commands/attestation.ts";
export type { NvPublic } from "./commands/nv.ts";
export { NV_PLATFORM_READABLE } from "./commands/nv.ts";
export type { LoadedObject, PrimaryObject } from "./commands/objects.ts";
export type { PcrAllocation } from "./commands/pcr.ts";
export {
  algName,
  TPM_ALG,
  TPM_CAP,
  TPM_ECC,
  TPM_GENERATED_VALUE,
  TPM_RH,
  TPM_ST,
  TPM_SU,
  TPMA_NV,
  TPMA_OBJECT,
} from "./constants.ts";
export type { Credential } from "./credential.ts";
export type { TpmErrorCode, TpmErrorDetails } from "./error.ts";
export { TpmError } from "./error.ts";
export { computeName } from "./name.ts";
export type { PcrSelection } from "./pcr-selection.ts";
export { parsePcrSelections, selectedPcrs, selectPcrs, serializePcrSelections } from "./pcr-selection.ts";
export type { EccPublic, RsaPublic, Scheme, SymmetricDefinition, TpmtPublic } from "./public-area.ts";
export { parsePublic, serializePublic } from "./public-area.ts";
export type { ResponseCode } from "./response-code.ts";
export { describeResponseCode } from "./response-code.ts";
export type { TpmtSignature } from "./signature.ts";
export { parseSignature, serializeSignature } from "./signature.ts";
export { tpmPublicToSpki } from "./spki.ts";
export { AK_TEMPLATE, EK_POLICY_A, EK_TEMPLATE } from "./templates.ts";
export type { ActivateCredentialOptions, AuthorityOptions, NvDefinition, TpmTransport } from "./tpm.ts";
export { Tpm } from "./tpm.ts";
