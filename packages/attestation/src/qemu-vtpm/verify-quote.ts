import { createHash, verify } from "node:crypto";
import { concat, equalConstantTime, hex } from "@constellation/bytes";
import {
  computeName,
  parseQuoteAttest,
  parseSignature,
  type QuoteAttest,
  selectedPcrs,
  TPM_ALG,
  TPM_RH,
  TpmError,
  type TpmtPublic,
  type TpmtSignature,
} from "@constellation/tpm2";
import { publicKeyOf } from "@constellation/tpm2/node";
import { about, type Check } from "../check.ts";
import type { QemuVtpmEvidence } from "../evidence.ts";
import { PCR_INDICES } from "../pcr-index.ts";

const { check, fail, pass } = about("hardware.evidence");
const binding = about("instance-identity.binding");

type QuoteEvidence = Pick<QemuVtpmEvidence, "quote" | "signature" | "pcrs">;

const COORDINATE_BYTES = 32;

/**
 * Verifies the quote: made by a TPM, signed by the attestation key, bound to the qualifying data, and over exactly the
 * PCR values that the evidence lists. Whether the values are acceptable is for `validatePcrs`.
 */
export function verifyQuote(
  evidence: QuoteEvidence,
  akPublic: TpmtPublic | undefined,
  qualifyingData: Uint8Array,
): Check[] {
  const signature = akPublic === undefined ? [] : [verifySignature(evidence, akPublic)];
  let attest: QuoteAttest;
  try {
    attest = parseQuoteAttest(evidence.quote);
  } catch (error) {
    return [...signature, ...formatFailure(error)];
  }
  return [
    pass("quote.format"),
    pass("quote.magic", { got: "TPM_GENERATED_VALUE" }),
    pass("quote.type", { got: "TPM_ST_ATTEST_QUOTE" }),
    ...signature,
    ...(akPublic === undefined ? [] : verifySigner(attest, akPublic)),
    verifyQualifyingData(attest.extraData, qualifyingData),
    verifySelection(attest),
    equalDigest("quote.pcrDigest", "quote_pcr_digest", attest.pcrDigest, pcrDigest(evidence.pcrs)),
  ];
}

function formatFailure(error: unknown): Check[] {
  const { code, message: reason } = asTpmError(error);
  switch (code) {
    case "quote_magic":
      return [fail("quote.magic", "quote_magic", { reason })];
    case "quote_type":
      return [pass("quote.magic", { got: "TPM_GENERATED_VALUE" }), fail("quote.type", "quote_type", { reason })];
    default:
      return [fail("quote.format", "quote_malformed", { reason })];
  }
}

function verifySignature({ quote, signature }: QuoteEvidence, akPublic: TpmtPublic): Check {
  const name = "quote.signature";
  let parsed: TpmtSignature;
  try {
    parsed = parseSignature(signature);
  } catch (error) {
    return fail(name, "quote_signature", { reason: asTpmError(error).message });
  }
  const holds = signatureHolds(quote, parsed, akPublic);
  return check(holds, name, "quote_signature", holds ? "valid" : "invalid", "ECDSA with SHA-256 by akPublic");
}

function signatureHolds(quote: Uint8Array, signature: TpmtSignature, akPublic: TpmtPublic): boolean {
  if (signature.sigAlg !== TPM_ALG.ECDSA || signature.hash !== TPM_ALG.SHA256) return false;
  const { r, s } = signature;
  if (r.length > COORDINATE_BYTES || s.length > COORDINATE_BYTES) return false;
  // On another curve, or by RSA, no signature has this length.
  const key = publicKeyOf(akPublic);
  return verify("sha256", quote, { key, dsaEncoding: "ieee-p1363" }, concat(padded(r), padded(s)));
}

/** A TPM may leave out leading zeros of a number. */
function padded(number: Uint8Array): Uint8Array {
  return concat(new Uint8Array(COORDINATE_BYTES - number.length), number);
}

/**
 * Part 1, 16: the qualified name of a primary key is a hash of its hierarchy's handle and its name, and the name a
 * hash of the whole public area. So the signed quote vouches for each bit of akPublic, and for the endorsement
 * hierarchy.
 */
function verifySigner(attest: QuoteAttest, akPublic: TpmtPublic): Check[] {
  if (akPublic.nameAlg !== TPM_ALG.SHA256) return [];
  const hierarchy = new Uint8Array(4);
  new DataView(hierarchy.buffer).setUint32(0, TPM_RH.ENDORSEMENT);
  const qualifiedName = concat(Uint8Array.of(0, TPM_ALG.SHA256), sha256(hierarchy, computeName(akPublic)));
  return [equalDigest("quote.signer", "quote_signer", attest.qualifiedSigner, qualifiedName)];
}

function verifyQualifyingData(got: Uint8Array, wanted: Uint8Array): Check {
  const holds = equalConstantTime(got, wanted);
  return binding.check(holds, "quote.qualifyingData", "quote_qualifying_data", hex(got), hex(wanted));
}

/** One bank, SHA-256, all of PCR 0 to 15 and no other. */
function verifySelection({ pcrSelect }: QuoteAttest): Check {
  const text = (hash: number, indices: readonly (number | string)[]) => `0x${hash.toString(16)}:${indices.join(",")}`;
  const got = pcrSelect.map((bank) => text(bank.hash, selectedPcrs(bank))).join(" ");
  const wanted = text(TPM_ALG.SHA256, PCR_INDICES);
  return check(got === wanted, "quote.pcrSelection", "quote_pcr_selection", `"${got}"`, `"${wanted}"`);
}

/** Part 3, 18.4: the digest over the selected values in ascending order. */
function pcrDigest(pcrs: ReadonlyMap<number, Uint8Array>): Uint8Array {
  return sha256(...PCR_INDICES.map((index) => pcrs.get(Number(index)) as Uint8Array));
}

function equalDigest(
  name: string,
  code: "quote_pcr_digest" | "quote_signer",
  got: Uint8Array,
  wanted: Uint8Array,
): Check {
  return check(equalConstantTime(got, wanted), name, code, hex(got), hex(wanted));
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return createHash("sha256")
    .update(concat(...parts))
    .digest();
}

function asTpmError(error: unknown): TpmError {
  if (error instanceof TpmError) return error;
  throw error;
}
