import {
  type BankQuote,
  BOUND_VTPM_POLICY,
  type BoundVtpmPolicy,
  judgeVtpm,
  type VtpmParts,
} from "@constellation/evidence";
import { blob, type Field, list, nullable, object } from "@constellation/fields";
import { PCRS_SHA256 } from "./pcrs.ts";
import { bound, type Part } from "./part.ts";

/** Evidence of a TPM: a quote over the SHA-256 bank. */
export interface VtpmEvidence {
  /** TPMT_PUBLIC of the attestation key. */
  readonly akPublic: Uint8Array;
  /** The attestation key's certificate and those of its issuers, DER. */
  readonly akCertificate: { readonly certificate: Uint8Array; readonly issuers: readonly Uint8Array[] };
  /** TPMS_ATTEST. */
  readonly quote: Uint8Array;
  /** TPMT_SIGNATURE. */
  readonly signature: Uint8Array;
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /** TCG event log, crypto-agile. */
  readonly eventLog: Uint8Array | undefined;
}

const CERTIFICATE = blob(8 * 1024);

/** Fields of a quote, but for the key. */
export const QUOTE_FIELDS = {
  quote: blob(1024),
  signature: blob(1024),
  pcrs: PCRS_SHA256,
  eventLog: nullable(blob(512 * 1024)),
};

const EVIDENCE: Field<VtpmEvidence> = object<VtpmEvidence>({
  akPublic: blob(1024),
  akCertificate: object<VtpmEvidence["akCertificate"]>({ certificate: CERTIFICATE, issuers: list(CERTIFICATE) }),
  ...QUOTE_FIELDS,
});

/** A quote of a TPM whose maker vouches for the attestation key; bound to the channel by its qualifying data. */
export const VTPM_PART: Part<VtpmEvidence, BoundVtpmPolicy> = {
  evidence: EVIDENCE,
  policy: BOUND_VTPM_POLICY,
  judge: (evidence, policy, { qualifyingData }, now) => {
    return judgeVtpm(partsOf(evidence), { ...policy, qualifyingData: bound(qualifyingData) }, now);
  },
};

function partsOf({ akPublic, akCertificate, eventLog, ...quote }: VtpmEvidence): VtpmParts {
  return {
    akPublic: { format: "tpmt-public", bytes: akPublic },
    akCertificate,
    quotes: [bankQuoteOf(quote)],
    eventLog,
  };
}

/** A quote with its TPMT_SIGNATURE, as it is judged. */
export function bankQuoteOf({ quote, signature, pcrs }: Pick<VtpmEvidence, "quote" | "signature" | "pcrs">): BankQuote {
  return { bank: "sha256", quote, signature: { format: "tpmt-signature", bytes: signature }, pcrs };
}
