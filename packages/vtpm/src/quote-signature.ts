import { concat } from "@constellation/bytes";
import { type SignatureScheme, verifySignature } from "@constellation/crypto";
import { algName, parseSignature, TPM_ALG, TpmError, type TpmtPublic, type TpmtSignature } from "@constellation/tpm2";
import { about, type Check } from "@constellation/verdict";
import type { AttestationKey } from "./attestation-key.ts";
import type { QuoteCode } from "./check-code.ts";

const { check, fail } = about("hardware.evidence");

/** The signature as it comes with the quote. */
export type QuoteSignature =
  /** TPMT_SIGNATURE. */
  | { readonly format: "tpmt-signature"; readonly bytes: Uint8Array }
  /** Bare RSASSA-PKCS1-v1_5 with SHA-256, as Azure's tools pass it on. */
  | { readonly format: "rsassa-sha256"; readonly bytes: Uint8Array };

const HASHES: ReadonlyMap<number, "sha256" | "sha384" | "sha512"> = new Map([
  [TPM_ALG.SHA256, "sha256"],
  [TPM_ALG.SHA384, "sha384"],
  [TPM_ALG.SHA512, "sha512"],
]);
const COORDINATE_BYTES = { "P-256": 32, "P-384": 48 } as const;
const NAME = "quote.signature";

/** Verifies the signature over the quote: by the key's own scheme, never with SHA-1. */
export function verifyQuoteSignature(quote: Uint8Array, input: QuoteSignature, ak: AttestationKey): Check<QuoteCode> {
  let signature: TpmtSignature;
  try {
    signature =
      input.format === "tpmt-signature"
        ? parseSignature(input.bytes)
        : { sigAlg: TPM_ALG.RSASSA, hash: TPM_ALG.SHA256, sig: input.bytes };
  } catch (error) {
    if (!(error instanceof TpmError)) throw error;
    return fail(NAME, "quote_signature_malformed", { reason: error.message });
  }
  const got = `${algName(signature.sigAlg)} with ${algName(signature.hash)}`;
  const found = schemesOf(signature, ak);
  if (found === undefined) {
    return fail(NAME, "quote_signature_scheme", { got, wanted: "the key's own scheme, with SHA-256 or longer" });
  }
  const { schemes, raw } = found;
  const holds = schemes.some((scheme) => verifySignature(ak.key, scheme, quote, raw));
  return check(holds, NAME, "quote_signature", `${holds ? "valid" : "invalid"}, ${got}`, "valid by akPublic");
}

/** How to verify; undefined for a scheme that is not the key's or not trusted. */
function schemesOf(
  signature: TpmtSignature,
  { key, area }: AttestationKey,
): { schemes: readonly SignatureScheme[]; raw: Uint8Array } | undefined {
  const hash = HASHES.get(signature.hash);
  if (hash === undefined || (area !== undefined && !isSchemeOf(area, signature))) return undefined;
  if (signature.sigAlg === TPM_ALG.ECDSA) {
    if (key.kind !== "ec") return undefined;
    const raw = fixedSignature(signature, COORDINATE_BYTES[key.curve]);
    return { schemes: [{ kind: "ecdsa", hash, encoding: "fixed" }], raw };
  }
  if (key.kind !== "rsa") return undefined;
  const raw = signature.sig;
  if (signature.sigAlg === TPM_ALG.RSASSA) return { schemes: [{ kind: "rsa-pkcs1", hash }], raw };
  const schemes = saltLengths(hash, key.modulusBits).map(
    (saltLength) => ({ kind: "rsa-pss", hash, saltLength }) as const,
  );
  return { schemes, raw };
}

/**
 * Part 1, B.7: the salt is as long as there is room for, or as FIPS 186 limits it, as long as the hash. Which, the TPM does
 * not say.
 */
function saltLengths(hash: keyof typeof DIGEST_BYTES, modulusBits: number): number[] {
  const most = Math.ceil((modulusBits - 1) / 8) - DIGEST_BYTES[hash] - 2;
  return [DIGEST_BYTES[hash], most];
}

const DIGEST_BYTES = { sha256: 32, sha384: 48, sha512: 64 } as const;

/** A key with a scheme of its own uses no other (Part 2, 12.2.3.5). */
function isSchemeOf({ parameters: { scheme } }: TpmtPublic, { sigAlg, hash }: TpmtSignature): boolean {
  return scheme.scheme === TPM_ALG.NULL || (scheme.scheme === sigAlg && scheme.hashAlg === hash);
}

/** r and s side by side. Where one is longer than the curve's field, so is the whole, and verifies nothing. */
function fixedSignature({ r, s }: { readonly r: Uint8Array; readonly s: Uint8Array }, size: number): Uint8Array {
  return concat(padded(r, size), padded(s, size));
}

/** A TPM may leave out leading zeros of a number. */
function padded(number: Uint8Array, size: number): Uint8Array {
  return concat(new Uint8Array(Math.max(0, size - number.length)), number);
}
