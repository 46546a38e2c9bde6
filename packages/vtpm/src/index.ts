/** Evidence of TPMs: attestation keys, their certificates, quotes, and event logs, as checks. */
export { AK_PUBLIC_CHECKS, type AkPublicInput, type AttestationKey, verifyAkPublic } from "./attestation-key.ts";
export type { AkPublicCode, EventLogCode, QuoteCode, TpmCertificateCode, VtpmCode } from "./check-code.ts";
export type { QuoteSignature } from "./quote-signature.ts";
export { type TpmCertificateInput, type TpmCertificateResult, verifyTpmCertificate } from "./verify-certificate.ts";
export { type EventLogInput, verifyEventLog } from "./verify-event-log.ts";
export { QUOTE_CHECKS, type QuoteInput, type TrustedBank, verifyQuote } from "./verify-quote.ts";
