import { hex } from "@constellation/bytes";
import { bytes, choice, expectation, type Field, list, object, REASON, whole } from "@constellation/fields";
import { about, BOOT_PCRS, type Check, type Expectation, pcrAspect } from "@constellation/verdict";
import {
  AK_PUBLIC_CHECKS,
  type AkPublicInput,
  type AttestationKey,
  QUOTE_CHECKS,
  type QuoteSignature,
  type TrustedBank,
  verifyAkPublic,
  verifyEventLog,
  verifyQuote,
  verifyTpmCertificate,
} from "@constellation/vtpm";
import type { Certificate } from "@constellation/x509";
import { complete, type Judgement, prefixed } from "./judgement.ts";
import { indexed } from "./policy/indexed.ts";
import { ROOT } from "./policy/roots.ts";

const operator = about("runtime-opaque.operator");
const log = about("executables.log");

/** A quote over one bank, with the values it is over. */
export interface BankQuote {
  readonly bank: TrustedBank;
  /** TPMS_ATTEST. */
  readonly quote: Uint8Array;
  readonly signature: QuoteSignature;
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
}

/** Evidence of a TPM. */
export interface VtpmParts {
  readonly akPublic: AkPublicInput;
  /** Of different banks. */
  readonly quotes: readonly BankQuote[];
  /** TCG event log, crypto-agile. */
  readonly eventLog: Uint8Array | undefined;
  /** DER, with those of its issuers. */
  readonly akCertificate: { readonly certificate: Uint8Array; readonly issuers: readonly Uint8Array[] } | undefined;
}

type Registers = ReadonlyMap<number, Expectation<Uint8Array>>;

/** What is accepted of a TPM's quotes. Total: every field is stated. */
export interface QuotesPolicy {
  /** What the quotes must be bound to. */
  readonly qualifyingData: Expectation<Uint8Array>;
  /** By register. Each that is quoted must be stated here, and each that is wanted must be quoted. */
  readonly pcrs: { readonly sha256: Registers; readonly sha384: Registers; readonly sha512: Registers };
  /** Registers that the event log has to explain in full. A log that is there is judged in any case. */
  readonly eventLog:
    | { readonly kind: "required"; readonly explained: readonly number[] }
    | { readonly kind: "any"; readonly reason: string };
}

/** What is accepted of a TPM. Total: every field is stated. */
export interface VtpmPolicy extends QuotesPolicy {
  /** Whose word it is that the attestation key is a TPM's. A certificate that is there is judged by these roots. */
  readonly akCertificate:
    | { readonly kind: "required"; readonly roots: readonly Certificate[] }
    | { readonly kind: "any"; readonly reason: string };
}

const REGISTER = whole(0, 23);

const BOUND_FIELDS = {
  pcrs: object<QuotesPolicy["pcrs"]>({
    sha256: indexed(23, expectation(bytes(32))),
    sha384: indexed(23, expectation(bytes(48))),
    sha512: indexed(23, expectation(bytes(64))),
  }),
  eventLog: choice<QuotesPolicy["eventLog"]>({ required: { explained: list(REGISTER) }, any: { reason: REASON } }),
};

const QUALIFYING_DATA = expectation(bytes(0, 64));
const AK_CERTIFICATE = choice<VtpmPolicy["akCertificate"]>({
  required: { roots: list(ROOT) },
  any: { reason: REASON },
});

/** {@link QuotesPolicy} as a document. */
export const QUOTES_POLICY: Field<QuotesPolicy> = object<QuotesPolicy>({
  ...BOUND_FIELDS,
  qualifyingData: QUALIFYING_DATA,
});

/** {@link VtpmPolicy} as a document. */
export const VTPM_POLICY: Field<VtpmPolicy> = object<VtpmPolicy>({
  ...BOUND_FIELDS,
  qualifyingData: QUALIFYING_DATA,
  akCertificate: AK_CERTIFICATE,
});

/** What is accepted of quotes that are bound to a channel. */
export type BoundQuotesPolicy = Omit<QuotesPolicy, "qualifyingData">;

/** {@link BoundQuotesPolicy} as a document. */
export const BOUND_QUOTES_POLICY: Field<BoundQuotesPolicy> = object<BoundQuotesPolicy>(BOUND_FIELDS);

/** What is accepted of a TPM whose quotes are bound to a channel. */
export type BoundVtpmPolicy = Omit<VtpmPolicy, "qualifyingData">;

/** {@link BoundVtpmPolicy} as a document. */
export const BOUND_VTPM_POLICY: Field<BoundVtpmPolicy> = object<BoundVtpmPolicy>({
  ...BOUND_FIELDS,
  akCertificate: AK_CERTIFICATE,
});

/** Judges evidence of a TPM: key, certificate, quotes and log, then whether the values are acceptable. */
export function judgeVtpm(parts: VtpmParts, policy: VtpmPolicy, now: Date): Judgement {
  const ak = verifyAkPublic(parts.akPublic);
  const certificate = judgeAkCertificate(parts.akCertificate, policy, ak.attestationKey, now);
  const quotes = judgeQuotes(parts, policy, ak.attestationKey);
  return {
    checks: [...complete(AK_PUBLIC_CHECKS, ak.checks), ...certificate.checks, ...quotes.checks],
    claims: { ...certificate.claims, ...quotes.claims },
  };
}

function judgeAkCertificate(
  given: VtpmParts["akCertificate"],
  { akCertificate: asked }: VtpmPolicy,
  ak: AttestationKey | undefined,
  now: Date,
): Judgement {
  const name = "akCertificate";
  if (asked.kind === "any") {
    const got = given === undefined ? "none" : "one, not judged";
    return { checks: [operator.open(name, asked.reason, { got })], claims: {} };
  }
  if (given === undefined) {
    return { checks: [operator.fail(name, "ak_certificate_missing", { got: "none", wanted: "one" })], claims: {} };
  }
  const { certificate, issuers } = given;
  const { checks, chain } = verifyTpmCertificate({
    name,
    certificate,
    intermediates: issuers,
    roots: asked.roots,
    now,
    usage: "sign",
    spki: ak?.spki,
  });
  const wanted = ["format", "chain", "usage", "key"].map((part) => `${name}.${part}`);
  return {
    checks: complete(wanted, checks),
    claims: chain === undefined ? {} : { akCertificateChain: chain.map(({ subject }) => subject.text) },
  };
}

/** Judges quotes by a key, and the log that explains them. */
export function judgeQuotes(
  { quotes, eventLog }: Pick<VtpmParts, "quotes" | "eventLog">,
  policy: QuotesPolicy,
  ak: AttestationKey | undefined,
): Judgement {
  const judged = quotes.map((quote) => {
    const checks = judgeQuote(quote, eventLog, policy, ak);
    return quotes.length === 1 ? checks : prefixed(quote.bank, checks);
  });
  const values = quotes.map(({ bank, pcrs }) => [bank, Object.fromEntries(Array.from(pcrs, ([i, v]) => [i, hex(v)]))]);
  const none =
    quotes.length === 0
      ? [about("hardware.evidence").fail("quote", "quote_missing", { got: "none", wanted: "one of a trusted bank" })]
      : [];
  return {
    checks: [...none, ...judged.flat(), ...judgeUnquotedBanks(quotes, policy)],
    claims: { pcrs: Object.fromEntries(values) },
  };
}

const BANKS = ["sha256", "sha384", "sha512"] as const;

/** Registers that are wanted are missing where no quote is over their bank. */
function judgeUnquotedBanks(quotes: readonly BankQuote[], { pcrs }: QuotesPolicy): Check[] {
  const unquoted = BANKS.filter((bank) => quotes.every((quote) => quote.bank !== bank));
  return unquoted.flatMap((bank) => prefixed(bank, validatePcrs(new Map(), pcrs[bank])));
}

function judgeQuote(
  { bank, quote, signature, pcrs }: BankQuote,
  eventLog: Uint8Array | undefined,
  policy: QuotesPolicy,
  ak: AttestationKey | undefined,
): Check[] {
  const { checks } = verifyQuote({ quote, signature, bank, pcrs, qualifyingData: policy.qualifyingData }, ak);
  return [
    ...complete(QUOTE_CHECKS, checks),
    ...judgeEventLog(eventLog, bank, pcrs, policy),
    ...validatePcrs(pcrs, policy.pcrs[bank]),
    ...judgeUnquotedPcrs(pcrs, policy.pcrs[bank]),
  ];
}

function judgeEventLog(
  eventLog: Uint8Array | undefined,
  bank: TrustedBank,
  pcrs: ReadonlyMap<number, Uint8Array>,
  { eventLog: asked }: QuotesPolicy,
): Check[] {
  const explained = asked.kind === "required" ? asked.explained : [];
  if (eventLog !== undefined) return verifyEventLog({ eventLog, bank, pcrs, explained }).checks;
  const name = "eventLog";
  if (asked.kind === "required") {
    return [log.fail(name, "eventlog_missing", { got: "none", wanted: "a TCG event log" })];
  }
  return [log.open(name, asked.reason, { got: "none" })];
}

/** Judges each register that is quoted or wanted. */
function validatePcrs(pcrs: ReadonlyMap<number, Uint8Array>, policy: Registers): Check[] {
  const indices = [...new Set([...pcrs.keys(), ...policy.keys()])].sort((a, b) => a - b);
  return indices.flatMap((index): Check[] => {
    const name = `pcr[${index}]`;
    const got = pcrs.get(index);
    const expected = policy.get(index);
    const { expectBytes, fail } = about(pcrAspect(index, got));
    if (expected === undefined) {
      return [fail(name, "pcr_not_stated", { reason: "the policy says nothing about this register" })];
    }
    if (got !== undefined) return [expectBytes(name, "pcr_mismatch", got, expected)];
    return expected.kind === "any" ? [] : [fail(name, "pcr_missing", { got: "none" })];
  });
}

/** What a quote that leaves out registers of the boot does not show, where nobody asks for them. */
function judgeUnquotedPcrs(pcrs: ReadonlyMap<number, Uint8Array>, policy: Registers): Check[] {
  return BOOT_PCRS.filter((index) => !pcrs.has(index)).flatMap((index): Check[] => {
    const expected = policy.get(index);
    if (expected?.kind === "equal") return [];
    const reason = expected?.reason ?? "neither quoted nor in the policy";
    return [about(pcrAspect(index, undefined)).open(`pcr[${index}]`, reason, { got: "none" })];
  });
}
