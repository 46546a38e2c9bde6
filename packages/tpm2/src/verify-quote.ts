import { constants, verify } from "node:crypto";
import { equalConstantTime, hex } from "@constellation/bytes";
import type { QuoteAttest } from "./attest.ts";
import { parseQuoteAttest } from "./attest.ts";
import { TPM_ALG, TPM_ECC, TPMA_OBJECT } from "./constants.ts";
import { TpmError } from "./error.ts";
import { digest } from "./hash.ts";
import { selectedPcrs } from "./pcr-selection.ts";
import type { TpmtPublic } from "./public-area.ts";
import type { TpmtSignature } from "./signature.ts";
import { parseSignature } from "./signature.ts";
import { publicKeyOf } from "./key-object.ts";
import { leftPad } from "./spki.ts";

/** What {@link verifyQuote} judges, and against what. */
export interface VerifyQuoteOptions {
  /** The attestation key, which the caller has tied to a TPM already. */
  readonly akPublic: TpmtPublic;
  /** TPMS_ATTEST as the TPM signed it. */
  readonly quote: Uint8Array;
  /** TPMT_SIGNATURE over `quote`. */
  readonly signature: Uint8Array;
  /** The extraData wanted. */
  readonly qualifyingData: Uint8Array;
  /** SHA-256 PCR values; the quote must cover exactly these PCRs. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
}

/**
 * Verifies a quote over the SHA-256 bank: the key is one that signs only what its TPM made, the signature is the
 * key's, and the quote holds this nonce and these PCR values and no other. It says nothing on whether the values are
 * acceptable or the key's TPM is known.
 * @returns the verified quote, for its clock and firmware version
 * @throws TpmError with one of the codes `ak_attributes`, `key`, `quote_*`, `malformed`, `unsupported`
 */
export function verifyQuote(options: VerifyQuoteOptions): QuoteAttest {
  requireAttestationKey(options.akPublic);
  requireSignature(options.akPublic, options.quote, parseSignature(options.signature));
  const quote = parseQuoteAttest(options.quote);
  requireNonce(quote, options.qualifyingData);
  requireSelection(quote, options.pcrs);
  requirePcrDigest(quote, options.pcrs);
  return quote;
}

/**
 * Refuses a key that could sign foreign data or live outside a TPM: it must be restricted, sign only, fixed to its
 * TPM and parent, and made inside (Part 2, 8.3).
 * @throws TpmError `ak_attributes`
 */
export function requireAttestationKey(area: TpmtPublic): void {
  const wanted =
    TPMA_OBJECT.fixedTPM |
    TPMA_OBJECT.fixedParent |
    TPMA_OBJECT.sensitiveDataOrigin |
    TPMA_OBJECT.restricted |
    TPMA_OBJECT.sign;
  if ((area.objectAttributes & (wanted | TPMA_OBJECT.decrypt)) === wanted) return;
  const got = area.objectAttributes.toString(16).padStart(8, "0");
  throw new TpmError(
    "ak_attributes",
    `Verify quote failed: got AK attributes "0x${got}", wanted a restricted signing key made by and fixed to a TPM`,
  );
}

function requireSignature(area: TpmtPublic, message: Uint8Array, signature: TpmtSignature): void {
  requireScheme(area, signature);
  if (signatureVerifies(area, message, signature)) return;
  throw new TpmError("quote_signature", "Verify quote failed: the signature is not the attestation key's");
}

function requireScheme(area: TpmtPublic, signature: TpmtSignature): void {
  const wantedType = signature.sigAlg === TPM_ALG.ECDSA ? TPM_ALG.ECC : TPM_ALG.RSA;
  const { scheme } = area.parameters;
  const ofKey = scheme.scheme === TPM_ALG.NULL || scheme.scheme === signature.sigAlg;
  const hashOfKey = scheme.hashAlg === undefined || scheme.hashAlg === signature.hash;
  if (area.type === wantedType && ofKey && hashOfKey && signature.hash === TPM_ALG.SHA256) return;
  throw new TpmError(
    "quote_scheme",
    `Verify quote failed: got signature scheme "0x${signature.sigAlg.toString(16)}" with hash ` +
      `"0x${signature.hash.toString(16)}", wanted the key's own scheme with SHA-256`,
  );
}

function signatureVerifies(area: TpmtPublic, message: Uint8Array, signature: TpmtSignature): boolean {
  const key = publicKeyOf(area);
  if (signature.sigAlg === TPM_ALG.ECDSA) {
    const size = area.type === TPM_ALG.ECC && area.parameters.curveID === TPM_ECC.NIST_P384 ? 48 : 32;
    if (signature.r.length > size || signature.s.length > size) return false;
    const joined = Buffer.concat([leftPad(signature.r, size, "signatureR"), leftPad(signature.s, size, "signatureS")]);
    return verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, joined);
  }
  if (signature.sigAlg === TPM_ALG.RSASSA) return verify("sha256", message, key, signature.sig);
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return verify("sha256", message, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_AUTO }, signature.sig);
}

function requireNonce(quote: QuoteAttest, qualifyingData: Uint8Array): void {
  if (equalConstantTime(quote.extraData, qualifyingData)) return;
  throw new TpmError(
    "quote_nonce",
    `Verify quote failed: got extraData "${hex(quote.extraData)}", wanted "${hex(qualifyingData)}"`,
  );
}

/** One bank, SHA-256, and exactly the PCRs the caller has values for. */
function requireSelection(quote: QuoteAttest, pcrs: ReadonlyMap<number, Uint8Array>): void {
  const wanted = ascending(pcrs.keys()).join(",");
  const got = quote.pcrSelect.map((bank) => `0x${bank.hash.toString(16)}:${selectedPcrs(bank).join(",")}`).join(" ");
  if (pcrs.size > 0 && got === `0x${TPM_ALG.SHA256.toString(16)}:${wanted}`) return;
  throw new TpmError("quote_pcr_selection", `Verify quote failed: got PCRs "${got}", wanted "0xb:${wanted}"`);
}

/** The digest over the values in ascending order of PCR (Part 3, 18.4). */
function requirePcrDigest(quote: QuoteAttest, pcrs: ReadonlyMap<number, Uint8Array>): void {
  const values = [...pcrs].sort(([a], [b]) => a - b).map(([index, value]) => requireLength(index, value));
  const computed = digest(TPM_ALG.SHA256, ...values);
  if (equalConstantTime(quote.pcrDigest, computed)) return;
  throw new TpmError(
    "quote_pcr_digest",
    `Verify quote failed: got PCR values with digest "${hex(computed)}", wanted the quoted "${hex(quote.pcrDigest)}"`,
  );
}

function requireLength(index: number, value: Uint8Array): Uint8Array {
  if (value.length === 32) return value;
  throw new TpmError("malformed", `Verify quote failed: got ${value.length} bytes for PCR ${index}, wanted 32`);
}

function ascending(indices: Iterable<number>): number[] {
  return [...indices].sort((a, b) => a - b);
}
