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
  const scheme = schemeOf(signature, ak);
  if (scheme === undefined) {
    return fail(NAME, "quote_signature_scheme", { got, wanted: "the key's own scheme, with SHA-256 or longer" });
  }
  const holds = scheme.raw !== undefined && verifySignature(ak.key, scheme.scheme, quote, scheme.raw);
  return check(holds, NAME, "quote_signature", `${holds ? "valid" : "invalid"}, ${got}`, "valid by akPublic");
}

/** How to verify; undefined for a scheme that is not the key's or not trusted. `raw` is undefined where it can't hold. */
function schemeOf(
  signature: TpmtSignature,
  { key, area }: AttestationKey,
): { scheme: SignatureScheme; raw: Uint8Array | undefined } | undefined {
  const hash = HASHES.get(signature.hash);
  if (hash === undefined || (area !== undefined && !isSchemeOf(area, signature))) return undefined;
  if (signature.sigAlg === TPM_ALG.ECDSA) {
    if (key.kind !== "ec") return undefined;
    const raw = fixedSignature(signature, COORDINATE_BYTES[key.curve]);
    return { scheme: { kind: "ecdsa", hash, encoding: "fixed" }, raw };
  }
  if (key.kind !== "rsa") return undefined;
  if (signature.sigAlg === TPM_ALG.RSASSA) return { scheme: { kind: "rsa-pkcs1", hash }, raw: signature.sig };
  return { scheme: { kind: "rsa-pss", hash, saltLength: DIGEST_BYTES[hash] }, raw: signature.sig };
}

/** Part 1, B.7: a TPM that signs by FIPS takes a salt of the hash's length. */
const DIGEST_BYTES = { sha256: 32, sha384: 48, sha512: 64 } as const;

/** A key with a scheme of its own uses no other (Part 2, 12.2.3.5). */
function isSchemeOf({ parameters: { scheme } }: TpmtPublic, { sigAlg, hash }: TpmtSignature): boolean {
  return scheme.scheme === TPM_ALG.NULL || (scheme.scheme === sigAlg && scheme.hashAlg === hash);
}

/** r and s side by side at full length: a TPM may leave out leading zeros. */
function fixedSignature(
  { r, s }: { readonly r: Uint8Array; readonly s: Uint8Array },
  size: number,
): Uint8Array | undefined {
  if (r.length > size || s.length > size) return undefined;
  return concat(new Uint8Array(size - r.length), r, new Uint8Array(size - s.length), s);
}
